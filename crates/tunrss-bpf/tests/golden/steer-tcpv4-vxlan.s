; at most 260 instructions
; .rodata 3072 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 246 instructions
     0  r6 = r1
        ; hash types: tcpv4
        ; tunnel types: vxlan
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
     5  *(u64 *)(r10 -128) = 0
window:
        ; too short for any IP header
     6  if r7 < 34 goto unclassified
     7  if r7 >= 58 goto load_full
        ; a short packet: what there is
     8  *(u64 *)(r10 -64) = 0
     9  *(u64 *)(r10 -56) = 0
    10  *(u64 *)(r10 -48) = 0
    11  *(u64 *)(r10 -40) = 0
    12  *(u64 *)(r10 -32) = 0
    13  *(u64 *)(r10 -24) = 0
    14  *(u64 *)(r10 -16) = 0
    15  *(u64 *)(r10 -8) = 0
    16  r2 = r8
    17  r1 = r6
    18  r3 = r10
    19  r3 += -64
    20  r4 = r7
    21  call skb_load_bytes
    22  goto loaded
load_full:
        ; link header, IP header and ports, as far as they are needed
    23  r2 = r8
    24  r1 = r6
    25  r3 = r10
    26  r3 += -64
    27  r4 = 58
    28  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    29  r1 = *(u16 *)(r10 -52)
    30  r2 = *(u64 *)(r10 -128)
    31  if r2 == 0 goto dispatch
    32  r1 = r2
dispatch:
    33  if r1 == 8 goto ipv4
    34  if r1 == 0xdd86 goto ipv6
    35  if r1 == 129 goto vlan_tag
    36  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    37  r1 = *(u32 *)(r6 +20)
    38  r1 <<= 2
    39  r1 += r8
    40  if r1 >= 8 goto unclassified
    41  r8 += 4
    42  r7 -= 4
    43  goto window
ipv4:
    44  r1 = *(u8 *)(r10 -50)
    45  if r1 == 69 goto ipv4_version_ok
    46  r2 = r1
    47  r2 >>= 4
    48  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; only one tunnel is looked into
    49  r2 = *(u64 *)(r10 -128)
    50  if r2 != 0 goto ipv4_no_tunnel
    51  r9 = r8
    52  r2 = *(u16 *)(r10 -44)
    53  if r2 & 0xff3f goto ipv4_no_tunnel
    54  r1 = *(u8 *)(r10 -50)
    55  r2 = r1
    56  r2 &= 15
    57  if r2 < 5 goto ipv4_no_tunnel
    58  r2 <<= 2
    59  r9 += r2
    60  r9 += 14
    61  r2 = *(u8 *)(r10 -41)
    62  if r2 == 17 goto ipv4_udp_tunnel
    63  goto ipv4_no_tunnel
ipv4_udp_tunnel:
    64  r1 &= 15
    65  if r1 != 5 goto udp_options
    66  if r7 < 38 goto ipv4_no_tunnel
udp_port:
    67  r2 = *(u16 *)(r10 -28)
    68  r9 += 8
    69  if r2 == 0xb512 goto vxlan
    70  goto ipv4_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
    71  r2 = r9
    72  r1 = r6
    73  r3 = r10
    74  r3 += -30
    75  r4 = 4
    76  call skb_load_bytes
    77  if r0 != 0 goto ipv4_no_tunnel
    78  goto udp_port
vxlan:
    79  r2 = r9
    80  r1 = r6
    81  r3 = r10
    82  r3 += -144
    83  r4 = 8
    84  call skb_load_bytes
    85  if r0 != 0 goto ipv4_no_tunnel
    86  r1 = *(u8 *)(r10 -144)
    87  r1 &= 8
    88  if r1 == 0 goto ipv4_no_tunnel
    89  r9 += 8
    90  goto inner_ethernet
ipv4_no_tunnel:
    91  r1 = *(u8 *)(r10 -50)
        ; a fragment has no ports
    92  r2 = *(u16 *)(r10 -44)
    93  if r2 & 0xff3f goto ipv4_only
    94  r2 = *(u8 *)(r10 -41)
    95  if r2 == 6 goto ipv4_ports
ipv4_only:
    96  goto unclassified
ipv4_ports:
    97  if r1 != 69 goto ipv4_options
    98  if r7 < 38 goto ipv4_only
    99  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
   100  r2 = r1
   101  r2 &= 15
   102  if r2 < 5 goto ipv4_only
   103  r2 <<= 2
   104  r2 += r8
   105  r2 += 14
   106  r1 = r6
   107  r3 = r10
   108  r3 += -30
   109  r4 = 4
   110  call skb_load_bytes
   111  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
   112  r0 = 0
        ; hash input bytes 8 to 11
   113  r1 = .rodata +2048 ll
   115  r2 = *(u8 *)(r10 -30)
   116  r2 += r1
   117  r2 = *(u8 *)(r2 +0)
   118  r0 ^= r2
   119  r2 = *(u8 *)(r10 -29)
   120  r2 += r1
   121  r2 = *(u8 *)(r2 +256)
   122  r0 ^= r2
   123  r2 = *(u8 *)(r10 -28)
   124  r2 += r1
   125  r2 = *(u8 *)(r2 +512)
   126  r0 ^= r2
   127  r2 = *(u8 *)(r10 -27)
   128  r2 += r1
   129  r2 = *(u8 *)(r2 +768)
   130  r0 ^= r2
        ; hash input bytes 0 to 7
   131  r1 = .rodata +0 ll
   133  r2 = *(u8 *)(r10 -38)
   134  r2 += r1
   135  r2 = *(u8 *)(r2 +0)
   136  r0 ^= r2
   137  r2 = *(u8 *)(r10 -37)
   138  r2 += r1
   139  r2 = *(u8 *)(r2 +256)
   140  r0 ^= r2
   141  r2 = *(u8 *)(r10 -36)
   142  r2 += r1
   143  r2 = *(u8 *)(r2 +512)
   144  r0 ^= r2
   145  r2 = *(u8 *)(r10 -35)
   146  r2 += r1
   147  r2 = *(u8 *)(r2 +768)
   148  r0 ^= r2
   149  r2 = *(u8 *)(r10 -34)
   150  r2 += r1
   151  r2 = *(u8 *)(r2 +1024)
   152  r0 ^= r2
   153  r2 = *(u8 *)(r10 -33)
   154  r2 += r1
   155  r2 = *(u8 *)(r2 +1280)
   156  r0 ^= r2
   157  r2 = *(u8 *)(r10 -32)
   158  r2 += r1
   159  r2 = *(u8 *)(r2 +1536)
   160  r0 ^= r2
   161  r2 = *(u8 *)(r10 -31)
   162  r2 += r1
   163  r2 = *(u8 *)(r2 +1792)
   164  r0 ^= r2
   165  goto table
ipv6:
   166  if r7 < 54 goto unclassified
   167  r1 = *(u8 *)(r10 -50)
   168  r1 >>= 4
   169  if r1 != 6 goto unclassified
        ; only one tunnel is looked into
   170  r2 = *(u64 *)(r10 -128)
   171  if r2 != 0 goto ipv6_no_tunnel
   172  r9 = r8
   173  r9 += 54
   174  r2 = *(u8 *)(r10 -44)
   175  if r2 == 17 goto ipv6_udp_tunnel
   176  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   177  if r7 < 58 goto ipv6_no_tunnel
   178  r2 = *(u16 *)(r10 -8)
   179  r9 += 8
   180  if r2 == 0xb512 goto vxlan
   181  goto ipv6_no_tunnel
vxlan:
   182  r2 = r9
   183  r1 = r6
   184  r3 = r10
   185  r3 += -144
   186  r4 = 8
   187  call skb_load_bytes
   188  if r0 != 0 goto ipv6_no_tunnel
   189  r1 = *(u8 *)(r10 -144)
   190  r1 &= 8
   191  if r1 == 0 goto ipv6_no_tunnel
   192  r9 += 8
   193  goto inner_ethernet
ipv6_no_tunnel:
   194  goto unclassified
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   195  r9 += 12
   196  r2 = r9
   197  r1 = r6
   198  r3 = r10
   199  r3 += -144
   200  r4 = 10
   201  call skb_load_bytes
   202  if r0 != 0 goto unclassified
   203  r9 += 2
   204  r1 = *(u16 *)(r10 -144)
   205  if r1 == 8 goto inner_ipv4
   206  if r1 == 0xdd86 goto inner_ipv6
   207  if r1 == 129 goto inner_vlan_tag
   208  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   209  r9 += 4
   210  r1 = *(u16 *)(r10 -140)
   211  if r1 == 8 goto inner_ipv4
   212  if r1 == 0xdd86 goto inner_ipv6
   213  if r1 == 129 goto inner_vlan_tag
   214  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   215  r9 += 4
   216  r1 = *(u16 *)(r10 -136)
   217  if r1 == 8 goto inner_ipv4
   218  if r1 == 0xdd86 goto inner_ipv6
   219  goto unclassified
inner_ipv4:
   220  r1 = 8
   221  *(u64 *)(r10 -128) = r1
   222  goto inner_window
inner_ipv6:
   223  goto unclassified
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   224  r8 = r9
   225  r8 -= 14
   226  r7 = *(u32 *)(r6 +0)
   227  r7 -= r8
   228  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   229  r1 = r0
   230  r1 &= 127
   231  r1 <<= 1
   232  r2 = .data +80 ll
   234  r2 += r1
   235  r0 = *(u16 *)(r2 +0)
   236  exit
unclassified:
   237  r0 = 0
   238  exit
marked:
   239  if r1 == 0x7255 goto queue_noted
   240  if r1 == 0x7254 goto queue_not_noted
   241  goto unmarked
queue_noted:
   242  r0 = *(u32 *)(r6 +12)
   243  exit
queue_not_noted:
   244  r0 = *(u32 *)(r6 +68)
   245  exit
