; at most 150 instructions
; .rodata 12288 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 146 instructions
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
    65  r1 = .rodata +8192 ll
    67  r2 = *(u8 *)(r10 -30)
    68  r2 <<= 2
    69  r2 += r1
    70  r2 = *(u32 *)(r2 +0)
    71  r0 ^= r2
    72  r2 = *(u8 *)(r10 -29)
    73  r2 <<= 2
    74  r2 += r1
    75  r2 = *(u32 *)(r2 +1024)
    76  r0 ^= r2
    77  r2 = *(u8 *)(r10 -28)
    78  r2 <<= 2
    79  r2 += r1
    80  r2 = *(u32 *)(r2 +2048)
    81  r0 ^= r2
    82  r2 = *(u8 *)(r10 -27)
    83  r2 <<= 2
    84  r2 += r1
    85  r2 = *(u32 *)(r2 +3072)
    86  r0 ^= r2
        ; hash input bytes 0 to 7
    87  r1 = .rodata +0 ll
    89  r2 = *(u8 *)(r10 -38)
    90  r2 <<= 2
    91  r2 += r1
    92  r2 = *(u32 *)(r2 +0)
    93  r0 ^= r2
    94  r2 = *(u8 *)(r10 -37)
    95  r2 <<= 2
    96  r2 += r1
    97  r2 = *(u32 *)(r2 +1024)
    98  r0 ^= r2
    99  r2 = *(u8 *)(r10 -36)
   100  r2 <<= 2
   101  r2 += r1
   102  r2 = *(u32 *)(r2 +2048)
   103  r0 ^= r2
   104  r2 = *(u8 *)(r10 -35)
   105  r2 <<= 2
   106  r2 += r1
   107  r2 = *(u32 *)(r2 +3072)
   108  r0 ^= r2
   109  r2 = *(u8 *)(r10 -34)
   110  r2 <<= 2
   111  r2 += r1
   112  r2 = *(u32 *)(r2 +4096)
   113  r0 ^= r2
   114  r2 = *(u8 *)(r10 -33)
   115  r2 <<= 2
   116  r2 += r1
   117  r2 = *(u32 *)(r2 +5120)
   118  r0 ^= r2
   119  r2 = *(u8 *)(r10 -32)
   120  r2 <<= 2
   121  r2 += r1
   122  r2 = *(u32 *)(r2 +6144)
   123  r0 ^= r2
   124  r2 = *(u8 *)(r10 -31)
   125  r2 <<= 2
   126  r2 += r1
   127  r2 = *(u32 *)(r2 +7168)
   128  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   129  r1 = r0
   130  r1 &= 127
   131  r1 <<= 1
   132  r2 = .data +80 ll
   134  r2 += r1
   135  r0 = *(u16 *)(r2 +0)
   136  exit
unclassified:
   137  r0 = 0
   138  exit
marked:
   139  if r1 == 0x7255 goto queue_noted
   140  if r1 == 0x7254 goto queue_not_noted
   141  goto unmarked
queue_noted:
   142  r0 = *(u32 *)(r6 +12)
   143  exit
queue_not_noted:
   144  r0 = *(u32 *)(r6 +68)
   145  exit
