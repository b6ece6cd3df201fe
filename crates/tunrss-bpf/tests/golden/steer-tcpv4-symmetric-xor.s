; at most 175 instructions
; .rodata 3072 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 175 instructions
     0  r6 = r1
        ; hash types: tcpv4
        ; hash input: symmetric-xor
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
        ; symmetric-xor of 2 bytes
    81  r1 = *(u16 *)(r10 -38)
    82  r2 = *(u16 *)(r10 -36)
    83  r3 = r1
    84  r1 ^= r2
    85  r2 ^= r3
    86  *(u16 *)(r10 -38) = r1
    87  *(u16 *)(r10 -36) = r2
    88  r0 = 0
        ; hash input bytes 8 to 11
    89  r1 = .rodata +2048 ll
    91  r2 = *(u8 *)(r10 -38)
    92  r2 += r1
    93  r2 = *(u8 *)(r2 +0)
    94  r0 ^= r2
    95  r2 = *(u8 *)(r10 -37)
    96  r2 += r1
    97  r2 = *(u8 *)(r2 +256)
    98  r0 ^= r2
    99  r2 = *(u8 *)(r10 -36)
   100  r2 += r1
   101  r2 = *(u8 *)(r2 +512)
   102  r0 ^= r2
   103  r2 = *(u8 *)(r10 -35)
   104  r2 += r1
   105  r2 = *(u8 *)(r2 +768)
   106  r0 ^= r2
        ; symmetric-xor of 4 bytes
   107  r1 = *(u16 *)(r10 -46)
   108  r2 = *(u16 *)(r10 -42)
   109  r3 = r1
   110  r1 ^= r2
   111  r2 ^= r3
   112  *(u16 *)(r10 -46) = r1
   113  *(u16 *)(r10 -42) = r2
   114  r1 = *(u16 *)(r10 -44)
   115  r2 = *(u16 *)(r10 -40)
   116  r3 = r1
   117  r1 ^= r2
   118  r2 ^= r3
   119  *(u16 *)(r10 -44) = r1
   120  *(u16 *)(r10 -40) = r2
        ; hash input bytes 0 to 7
   121  r1 = .rodata +0 ll
   123  r2 = *(u8 *)(r10 -46)
   124  r2 += r1
   125  r2 = *(u8 *)(r2 +0)
   126  r0 ^= r2
   127  r2 = *(u8 *)(r10 -45)
   128  r2 += r1
   129  r2 = *(u8 *)(r2 +256)
   130  r0 ^= r2
   131  r2 = *(u8 *)(r10 -44)
   132  r2 += r1
   133  r2 = *(u8 *)(r2 +512)
   134  r0 ^= r2
   135  r2 = *(u8 *)(r10 -43)
   136  r2 += r1
   137  r2 = *(u8 *)(r2 +768)
   138  r0 ^= r2
   139  r2 = *(u8 *)(r10 -42)
   140  r2 += r1
   141  r2 = *(u8 *)(r2 +1024)
   142  r0 ^= r2
   143  r2 = *(u8 *)(r10 -41)
   144  r2 += r1
   145  r2 = *(u8 *)(r2 +1280)
   146  r0 ^= r2
   147  r2 = *(u8 *)(r10 -40)
   148  r2 += r1
   149  r2 = *(u8 *)(r2 +1536)
   150  r0 ^= r2
   151  r2 = *(u8 *)(r10 -39)
   152  r2 += r1
   153  r2 = *(u8 *)(r2 +1792)
   154  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   155  r1 = r0
   156  r1 &= 127
   157  r1 <<= 1
   158  r2 = .data +80 ll
   160  r2 += r1
   161  r0 = *(u16 *)(r2 +0)
   162  exit
unclassified:
   163  r0 = 0
   164  exit
marked:
   165  if r1 == 0x7255 goto queue_noted
   166  if r1 == 0x7254 goto queue_not_noted
   167  if r1 == 0x7256 goto queue_last
   168  goto unmarked
queue_last:
   169  r0 = 0xffff
   170  exit
queue_noted:
   171  r0 = *(u32 *)(r6 +12)
   172  exit
queue_not_noted:
   173  r0 = *(u32 *)(r6 +68)
   174  exit
