; at most 170 instructions
; .rodata 3072 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 155 instructions
     0  r6 = r1
        ; hash types: tcpv4
        ; hash input: symmetric-xor
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
window:
        ; too short for any IP header
     5  if r7 < 34 goto unclassified
     6  if r7 >= 38 goto load_full
        ; a short packet: what there is
     7  *(u64 *)(r10 -64) = 0
     8  *(u64 *)(r10 -56) = 0
     9  *(u64 *)(r10 -48) = 0
    10  *(u64 *)(r10 -40) = 0
    11  *(u64 *)(r10 -32) = 0
    12  *(u64 *)(r10 -24) = 0
    13  *(u64 *)(r10 -16) = 0
    14  *(u64 *)(r10 -8) = 0
    15  r2 = r8
    16  r1 = r6
    17  r3 = r10
    18  r3 += -64
    19  r4 = r7
    20  call skb_load_bytes
    21  goto loaded
load_full:
        ; link header, IP header and ports, as far as they are needed
    22  r2 = r8
    23  r1 = r6
    24  r3 = r10
    25  r3 += -64
    26  r4 = 38
    27  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    28  r1 = *(u16 *)(r10 -52)
    29  if r1 == 8 goto ipv4
    30  if r1 == 129 goto vlan_tag
    31  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    32  r1 = *(u32 *)(r6 +20)
    33  r1 <<= 2
    34  r1 += r8
    35  if r1 >= 8 goto unclassified
    36  r8 += 4
    37  r7 -= 4
    38  goto window
ipv4:
    39  r1 = *(u8 *)(r10 -50)
    40  if r1 == 69 goto ipv4_version_ok
    41  r2 = r1
    42  r2 >>= 4
    43  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    44  r2 = *(u16 *)(r10 -44)
    45  if r2 & 0xff3f goto ipv4_only
    46  r2 = *(u8 *)(r10 -41)
    47  if r2 == 6 goto ipv4_ports
ipv4_only:
    48  goto unclassified
ipv4_ports:
    49  if r1 != 69 goto ipv4_options
    50  if r7 < 38 goto ipv4_only
    51  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    52  r2 = r1
    53  r2 &= 15
    54  if r2 < 5 goto ipv4_only
    55  r2 <<= 2
    56  r2 += r8
    57  r2 += 14
    58  r1 = r6
    59  r3 = r10
    60  r3 += -30
    61  r4 = 4
    62  call skb_load_bytes
    63  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
        ; symmetric-xor of 2 bytes
    64  r1 = *(u16 *)(r10 -30)
    65  r2 = *(u16 *)(r10 -28)
    66  r3 = r1
    67  r1 ^= r2
    68  r2 ^= r3
    69  *(u16 *)(r10 -30) = r1
    70  *(u16 *)(r10 -28) = r2
    71  r0 = 0
        ; hash input bytes 8 to 11
    72  r1 = .rodata +2048 ll
    74  r2 = *(u8 *)(r10 -30)
    75  r2 += r1
    76  r2 = *(u8 *)(r2 +0)
    77  r0 ^= r2
    78  r2 = *(u8 *)(r10 -29)
    79  r2 += r1
    80  r2 = *(u8 *)(r2 +256)
    81  r0 ^= r2
    82  r2 = *(u8 *)(r10 -28)
    83  r2 += r1
    84  r2 = *(u8 *)(r2 +512)
    85  r0 ^= r2
    86  r2 = *(u8 *)(r10 -27)
    87  r2 += r1
    88  r2 = *(u8 *)(r2 +768)
    89  r0 ^= r2
        ; symmetric-xor of 4 bytes
    90  r1 = *(u16 *)(r10 -38)
    91  r2 = *(u16 *)(r10 -34)
    92  r3 = r1
    93  r1 ^= r2
    94  r2 ^= r3
    95  *(u16 *)(r10 -38) = r1
    96  *(u16 *)(r10 -34) = r2
    97  r1 = *(u16 *)(r10 -36)
    98  r2 = *(u16 *)(r10 -32)
    99  r3 = r1
   100  r1 ^= r2
   101  r2 ^= r3
   102  *(u16 *)(r10 -36) = r1
   103  *(u16 *)(r10 -32) = r2
        ; hash input bytes 0 to 7
   104  r1 = .rodata +0 ll
   106  r2 = *(u8 *)(r10 -38)
   107  r2 += r1
   108  r2 = *(u8 *)(r2 +0)
   109  r0 ^= r2
   110  r2 = *(u8 *)(r10 -37)
   111  r2 += r1
   112  r2 = *(u8 *)(r2 +256)
   113  r0 ^= r2
   114  r2 = *(u8 *)(r10 -36)
   115  r2 += r1
   116  r2 = *(u8 *)(r2 +512)
   117  r0 ^= r2
   118  r2 = *(u8 *)(r10 -35)
   119  r2 += r1
   120  r2 = *(u8 *)(r2 +768)
   121  r0 ^= r2
   122  r2 = *(u8 *)(r10 -34)
   123  r2 += r1
   124  r2 = *(u8 *)(r2 +1024)
   125  r0 ^= r2
   126  r2 = *(u8 *)(r10 -33)
   127  r2 += r1
   128  r2 = *(u8 *)(r2 +1280)
   129  r0 ^= r2
   130  r2 = *(u8 *)(r10 -32)
   131  r2 += r1
   132  r2 = *(u8 *)(r2 +1536)
   133  r0 ^= r2
   134  r2 = *(u8 *)(r10 -31)
   135  r2 += r1
   136  r2 = *(u8 *)(r2 +1792)
   137  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   138  r1 = r0
   139  r1 &= 127
   140  r1 <<= 1
   141  r2 = .data +80 ll
   143  r2 += r1
   144  r0 = *(u16 *)(r2 +0)
   145  exit
unclassified:
   146  r0 = 0
   147  exit
marked:
   148  if r1 == 0x7255 goto queue_noted
   149  if r1 == 0x7254 goto queue_not_noted
   150  goto unmarked
queue_noted:
   151  r0 = *(u32 *)(r6 +12)
   152  exit
queue_not_noted:
   153  r0 = *(u32 *)(r6 +68)
   154  exit
