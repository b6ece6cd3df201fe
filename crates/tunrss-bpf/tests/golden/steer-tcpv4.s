; at most 155 instructions
; .rodata 3072 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 154 instructions
     0  r6 = r1
        ; hash types: tcpv4
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
     5  if r7 >= 46 goto load_full
        ; too short for any IP header
     6  if r7 < 34 goto unclassified
        ; a short packet: what there is
     7  *(u64 *)(r10 -72) = 0
     8  *(u64 *)(r10 -64) = 0
     9  *(u64 *)(r10 -56) = 0
    10  *(u64 *)(r10 -48) = 0
    11  *(u64 *)(r10 -40) = 0
    12  *(u64 *)(r10 -32) = 0
    13  r2 = r8
    14  r1 = r6
    15  r3 = r10
    16  r3 += -72
    17  r4 = r7
    18  call skb_load_bytes
    19  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    20  r2 = r8
    21  r1 = r6
    22  r3 = r10
    23  r3 += -72
    24  r4 = 46
    25  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    26  r1 = *(u16 *)(r10 -60)
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
        ; too short for any IP header
    36  if r7 < 34 goto unclassified
    37  r1 = *(u32 *)(r10 -56)
    38  *(u32 *)(r10 -60) = r1
    39  r1 = *(u32 *)(r10 -52)
    40  *(u32 *)(r10 -56) = r1
    41  r1 = *(u32 *)(r10 -48)
    42  *(u32 *)(r10 -52) = r1
    43  r1 = *(u32 *)(r10 -44)
    44  *(u32 *)(r10 -48) = r1
    45  r1 = *(u32 *)(r10 -40)
    46  *(u32 *)(r10 -44) = r1
    47  r1 = *(u32 *)(r10 -36)
    48  *(u32 *)(r10 -40) = r1
    49  r1 = *(u32 *)(r10 -32)
    50  *(u32 *)(r10 -36) = r1
    51  r1 = *(u8 *)(r10 -28)
    52  *(u8 *)(r10 -32) = r1
    53  r1 = *(u8 *)(r10 -27)
    54  *(u8 *)(r10 -31) = r1
    55  goto loaded
ipv4:
    56  r1 = *(u8 *)(r10 -58)
    57  if r1 == 69 goto ipv4_version_ok
    58  r2 = r1
    59  r2 >>= 4
    60  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    61  r2 = *(u16 *)(r10 -52)
    62  if r2 & 0xff3f goto ipv4_only
    63  r2 = *(u8 *)(r10 -49)
    64  if r2 == 6 goto ipv4_ports
ipv4_only:
    65  goto unclassified
ipv4_ports:
    66  if r1 != 69 goto ipv4_options
    67  if r7 < 38 goto ipv4_only
    68  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    69  r2 = r1
    70  r2 &= 15
    71  if r2 < 5 goto ipv4_only
    72  r2 <<= 2
    73  r2 += r8
    74  r2 += 14
    75  r1 = r6
    76  r3 = r10
    77  r3 += -38
    78  r4 = 4
    79  call skb_load_bytes
    80  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    81  r0 = 0
        ; hash input bytes 8 to 11
    82  r1 = .rodata +2048 ll
    84  r2 = *(u8 *)(r10 -38)
    85  r2 += r1
    86  r2 = *(u8 *)(r2 +0)
    87  r0 ^= r2
    88  r2 = *(u8 *)(r10 -37)
    89  r2 += r1
    90  r2 = *(u8 *)(r2 +256)
    91  r0 ^= r2
    92  r2 = *(u8 *)(r10 -36)
    93  r2 += r1
    94  r2 = *(u8 *)(r2 +512)
    95  r0 ^= r2
    96  r2 = *(u8 *)(r10 -35)
    97  r2 += r1
    98  r2 = *(u8 *)(r2 +768)
    99  r0 ^= r2
        ; hash input bytes 0 to 7
   100  r1 = .rodata +0 ll
   102  r2 = *(u8 *)(r10 -46)
   103  r2 += r1
   104  r2 = *(u8 *)(r2 +0)
   105  r0 ^= r2
   106  r2 = *(u8 *)(r10 -45)
   107  r2 += r1
   108  r2 = *(u8 *)(r2 +256)
   109  r0 ^= r2
   110  r2 = *(u8 *)(r10 -44)
   111  r2 += r1
   112  r2 = *(u8 *)(r2 +512)
   113  r0 ^= r2
   114  r2 = *(u8 *)(r10 -43)
   115  r2 += r1
   116  r2 = *(u8 *)(r2 +768)
   117  r0 ^= r2
   118  r2 = *(u8 *)(r10 -42)
   119  r2 += r1
   120  r2 = *(u8 *)(r2 +1024)
   121  r0 ^= r2
   122  r2 = *(u8 *)(r10 -41)
   123  r2 += r1
   124  r2 = *(u8 *)(r2 +1280)
   125  r0 ^= r2
   126  r2 = *(u8 *)(r10 -40)
   127  r2 += r1
   128  r2 = *(u8 *)(r2 +1536)
   129  r0 ^= r2
   130  r2 = *(u8 *)(r10 -39)
   131  r2 += r1
   132  r2 = *(u8 *)(r2 +1792)
   133  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   134  r1 = r0
   135  r1 &= 127
   136  r1 <<= 1
   137  r2 = .data +80 ll
   139  r2 += r1
   140  r0 = *(u16 *)(r2 +0)
   141  exit
unclassified:
   142  r0 = 0
   143  exit
marked:
   144  if r1 == 0x7255 goto queue_noted
   145  if r1 == 0x7254 goto queue_not_noted
   146  if r1 == 0x7256 goto queue_last
   147  goto unmarked
queue_last:
   148  r0 = 0xffff
   149  exit
queue_noted:
   150  r0 = *(u32 *)(r6 +12)
   151  exit
queue_not_noted:
   152  r0 = *(u32 *)(r6 +68)
   153  exit
