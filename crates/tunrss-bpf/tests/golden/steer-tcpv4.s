; at most 150 instructions
; .rodata 3072 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 134 instructions
     0  r6 = r1
        ; hash types: tcpv4
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
    64  r0 = 0
        ; hash input bytes 8 to 11
    65  r1 = .rodata +2048 ll
    67  r2 = *(u8 *)(r10 -30)
    68  r2 += r1
    69  r2 = *(u8 *)(r2 +0)
    70  r0 ^= r2
    71  r2 = *(u8 *)(r10 -29)
    72  r2 += r1
    73  r2 = *(u8 *)(r2 +256)
    74  r0 ^= r2
    75  r2 = *(u8 *)(r10 -28)
    76  r2 += r1
    77  r2 = *(u8 *)(r2 +512)
    78  r0 ^= r2
    79  r2 = *(u8 *)(r10 -27)
    80  r2 += r1
    81  r2 = *(u8 *)(r2 +768)
    82  r0 ^= r2
        ; hash input bytes 0 to 7
    83  r1 = .rodata +0 ll
    85  r2 = *(u8 *)(r10 -38)
    86  r2 += r1
    87  r2 = *(u8 *)(r2 +0)
    88  r0 ^= r2
    89  r2 = *(u8 *)(r10 -37)
    90  r2 += r1
    91  r2 = *(u8 *)(r2 +256)
    92  r0 ^= r2
    93  r2 = *(u8 *)(r10 -36)
    94  r2 += r1
    95  r2 = *(u8 *)(r2 +512)
    96  r0 ^= r2
    97  r2 = *(u8 *)(r10 -35)
    98  r2 += r1
    99  r2 = *(u8 *)(r2 +768)
   100  r0 ^= r2
   101  r2 = *(u8 *)(r10 -34)
   102  r2 += r1
   103  r2 = *(u8 *)(r2 +1024)
   104  r0 ^= r2
   105  r2 = *(u8 *)(r10 -33)
   106  r2 += r1
   107  r2 = *(u8 *)(r2 +1280)
   108  r0 ^= r2
   109  r2 = *(u8 *)(r10 -32)
   110  r2 += r1
   111  r2 = *(u8 *)(r2 +1536)
   112  r0 ^= r2
   113  r2 = *(u8 *)(r10 -31)
   114  r2 += r1
   115  r2 = *(u8 *)(r2 +1792)
   116  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   117  r1 = r0
   118  r1 &= 127
   119  r1 <<= 1
   120  r2 = .data +80 ll
   122  r2 += r1
   123  r0 = *(u16 *)(r2 +0)
   124  exit
unclassified:
   125  r0 = 0
   126  exit
marked:
   127  if r1 == 0x7255 goto queue_noted
   128  if r1 == 0x7254 goto queue_not_noted
   129  goto unmarked
queue_noted:
   130  r0 = *(u32 *)(r6 +12)
   131  exit
queue_not_noted:
   132  r0 = *(u32 *)(r6 +68)
   133  exit
