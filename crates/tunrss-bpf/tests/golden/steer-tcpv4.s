; at most 140 instructions
; .rodata 12288 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_steer (SOCKET_FILTER), 137 instructions
     0  r6 = r1
        ; hash types: tcpv4
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
window:
        ; too short for any IP header
     3  if r7 < 34 goto unclassified
     4  if r7 >= 38 goto load_full
        ; a short packet: what there is
     5  *(u64 *)(r10 -64) = 0
     6  *(u64 *)(r10 -56) = 0
     7  *(u64 *)(r10 -48) = 0
     8  *(u64 *)(r10 -40) = 0
     9  *(u64 *)(r10 -32) = 0
    10  *(u64 *)(r10 -24) = 0
    11  *(u64 *)(r10 -16) = 0
    12  *(u64 *)(r10 -8) = 0
    13  r2 = r8
    14  r1 = r6
    15  r3 = r10
    16  r3 += -64
    17  r4 = r7
    18  call skb_load_bytes
    19  goto loaded
load_full:
        ; link header, IP header and ports, as far as they are needed
    20  r2 = r8
    21  r1 = r6
    22  r3 = r10
    23  r3 += -64
    24  r4 = 38
    25  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    26  r1 = *(u16 *)(r10 -52)
    27  if r1 == 8 goto ipv4
    28  if r1 == 129 goto vlan_tag
    29  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    30  r1 = *(u32 *)(r6 +20)
    31  r1 <<= 2
    32  r1 += r8
    33  if r1 >= 8 goto unclassified
    34  r8 += 4
    35  r7 -= 4
    36  goto window
ipv4:
    37  r1 = *(u8 *)(r10 -50)
    38  if r1 == 69 goto ipv4_version_ok
    39  r2 = r1
    40  r2 >>= 4
    41  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    42  r2 = *(u16 *)(r10 -44)
    43  if r2 & 0xff3f goto ipv4_only
    44  r2 = *(u8 *)(r10 -41)
    45  if r2 == 6 goto ipv4_ports
ipv4_only:
    46  goto unclassified
ipv4_ports:
    47  if r1 != 69 goto ipv4_options
    48  if r7 < 38 goto ipv4_only
    49  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    50  r2 = r1
    51  r2 &= 15
    52  if r2 < 5 goto ipv4_only
    53  r2 <<= 2
    54  r2 += r8
    55  r2 += 14
    56  r1 = r6
    57  r3 = r10
    58  r3 += -30
    59  r4 = 4
    60  call skb_load_bytes
    61  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    62  r0 = 0
        ; hash input bytes 8 to 11
    63  r1 = .rodata +8192 ll
    65  r2 = *(u8 *)(r10 -30)
    66  r2 <<= 2
    67  r2 += r1
    68  r2 = *(u32 *)(r2 +0)
    69  r0 ^= r2
    70  r2 = *(u8 *)(r10 -29)
    71  r2 <<= 2
    72  r2 += r1
    73  r2 = *(u32 *)(r2 +1024)
    74  r0 ^= r2
    75  r2 = *(u8 *)(r10 -28)
    76  r2 <<= 2
    77  r2 += r1
    78  r2 = *(u32 *)(r2 +2048)
    79  r0 ^= r2
    80  r2 = *(u8 *)(r10 -27)
    81  r2 <<= 2
    82  r2 += r1
    83  r2 = *(u32 *)(r2 +3072)
    84  r0 ^= r2
        ; hash input bytes 0 to 7
    85  r1 = .rodata +0 ll
    87  r2 = *(u8 *)(r10 -38)
    88  r2 <<= 2
    89  r2 += r1
    90  r2 = *(u32 *)(r2 +0)
    91  r0 ^= r2
    92  r2 = *(u8 *)(r10 -37)
    93  r2 <<= 2
    94  r2 += r1
    95  r2 = *(u32 *)(r2 +1024)
    96  r0 ^= r2
    97  r2 = *(u8 *)(r10 -36)
    98  r2 <<= 2
    99  r2 += r1
   100  r2 = *(u32 *)(r2 +2048)
   101  r0 ^= r2
   102  r2 = *(u8 *)(r10 -35)
   103  r2 <<= 2
   104  r2 += r1
   105  r2 = *(u32 *)(r2 +3072)
   106  r0 ^= r2
   107  r2 = *(u8 *)(r10 -34)
   108  r2 <<= 2
   109  r2 += r1
   110  r2 = *(u32 *)(r2 +4096)
   111  r0 ^= r2
   112  r2 = *(u8 *)(r10 -33)
   113  r2 <<= 2
   114  r2 += r1
   115  r2 = *(u32 *)(r2 +5120)
   116  r0 ^= r2
   117  r2 = *(u8 *)(r10 -32)
   118  r2 <<= 2
   119  r2 += r1
   120  r2 = *(u32 *)(r2 +6144)
   121  r0 ^= r2
   122  r2 = *(u8 *)(r10 -31)
   123  r2 <<= 2
   124  r2 += r1
   125  r2 = *(u32 *)(r2 +7168)
   126  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   127  r1 = r0
   128  r1 &= 127
   129  r1 <<= 1
   130  r2 = .data +32 ll
   132  r2 += r1
   133  r0 = *(u16 *)(r2 +0)
   134  exit
unclassified:
   135  r0 = 0
   136  exit
