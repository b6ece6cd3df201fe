; at most 260 instructions
; .rodata 12288 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 258 instructions
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
   113  r1 = .rodata +8192 ll
   115  r2 = *(u8 *)(r10 -30)
   116  r2 <<= 2
   117  r2 += r1
   118  r2 = *(u32 *)(r2 +0)
   119  r0 ^= r2
   120  r2 = *(u8 *)(r10 -29)
   121  r2 <<= 2
   122  r2 += r1
   123  r2 = *(u32 *)(r2 +1024)
   124  r0 ^= r2
   125  r2 = *(u8 *)(r10 -28)
   126  r2 <<= 2
   127  r2 += r1
   128  r2 = *(u32 *)(r2 +2048)
   129  r0 ^= r2
   130  r2 = *(u8 *)(r10 -27)
   131  r2 <<= 2
   132  r2 += r1
   133  r2 = *(u32 *)(r2 +3072)
   134  r0 ^= r2
        ; hash input bytes 0 to 7
   135  r1 = .rodata +0 ll
   137  r2 = *(u8 *)(r10 -38)
   138  r2 <<= 2
   139  r2 += r1
   140  r2 = *(u32 *)(r2 +0)
   141  r0 ^= r2
   142  r2 = *(u8 *)(r10 -37)
   143  r2 <<= 2
   144  r2 += r1
   145  r2 = *(u32 *)(r2 +1024)
   146  r0 ^= r2
   147  r2 = *(u8 *)(r10 -36)
   148  r2 <<= 2
   149  r2 += r1
   150  r2 = *(u32 *)(r2 +2048)
   151  r0 ^= r2
   152  r2 = *(u8 *)(r10 -35)
   153  r2 <<= 2
   154  r2 += r1
   155  r2 = *(u32 *)(r2 +3072)
   156  r0 ^= r2
   157  r2 = *(u8 *)(r10 -34)
   158  r2 <<= 2
   159  r2 += r1
   160  r2 = *(u32 *)(r2 +4096)
   161  r0 ^= r2
   162  r2 = *(u8 *)(r10 -33)
   163  r2 <<= 2
   164  r2 += r1
   165  r2 = *(u32 *)(r2 +5120)
   166  r0 ^= r2
   167  r2 = *(u8 *)(r10 -32)
   168  r2 <<= 2
   169  r2 += r1
   170  r2 = *(u32 *)(r2 +6144)
   171  r0 ^= r2
   172  r2 = *(u8 *)(r10 -31)
   173  r2 <<= 2
   174  r2 += r1
   175  r2 = *(u32 *)(r2 +7168)
   176  r0 ^= r2
   177  goto table
ipv6:
   178  if r7 < 54 goto unclassified
   179  r1 = *(u8 *)(r10 -50)
   180  r1 >>= 4
   181  if r1 != 6 goto unclassified
        ; only one tunnel is looked into
   182  r2 = *(u64 *)(r10 -128)
   183  if r2 != 0 goto ipv6_no_tunnel
   184  r9 = r8
   185  r9 += 54
   186  r2 = *(u8 *)(r10 -44)
   187  if r2 == 17 goto ipv6_udp_tunnel
   188  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   189  if r7 < 58 goto ipv6_no_tunnel
   190  r2 = *(u16 *)(r10 -8)
   191  r9 += 8
   192  if r2 == 0xb512 goto vxlan
   193  goto ipv6_no_tunnel
vxlan:
   194  r2 = r9
   195  r1 = r6
   196  r3 = r10
   197  r3 += -144
   198  r4 = 8
   199  call skb_load_bytes
   200  if r0 != 0 goto ipv6_no_tunnel
   201  r1 = *(u8 *)(r10 -144)
   202  r1 &= 8
   203  if r1 == 0 goto ipv6_no_tunnel
   204  r9 += 8
   205  goto inner_ethernet
ipv6_no_tunnel:
   206  goto unclassified
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   207  r9 += 12
   208  r2 = r9
   209  r1 = r6
   210  r3 = r10
   211  r3 += -144
   212  r4 = 10
   213  call skb_load_bytes
   214  if r0 != 0 goto unclassified
   215  r9 += 2
   216  r1 = *(u16 *)(r10 -144)
   217  if r1 == 8 goto inner_ipv4
   218  if r1 == 0xdd86 goto inner_ipv6
   219  if r1 == 129 goto inner_vlan_tag
   220  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   221  r9 += 4
   222  r1 = *(u16 *)(r10 -140)
   223  if r1 == 8 goto inner_ipv4
   224  if r1 == 0xdd86 goto inner_ipv6
   225  if r1 == 129 goto inner_vlan_tag
   226  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   227  r9 += 4
   228  r1 = *(u16 *)(r10 -136)
   229  if r1 == 8 goto inner_ipv4
   230  if r1 == 0xdd86 goto inner_ipv6
   231  goto unclassified
inner_ipv4:
   232  r1 = 8
   233  *(u64 *)(r10 -128) = r1
   234  goto inner_window
inner_ipv6:
   235  goto unclassified
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   236  r8 = r9
   237  r8 -= 14
   238  r7 = *(u32 *)(r6 +0)
   239  r7 -= r8
   240  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   241  r1 = r0
   242  r1 &= 127
   243  r1 <<= 1
   244  r2 = .data +80 ll
   246  r2 += r1
   247  r0 = *(u16 *)(r2 +0)
   248  exit
unclassified:
   249  r0 = 0
   250  exit
marked:
   251  if r1 == 0x7255 goto queue_noted
   252  if r1 == 0x7254 goto queue_not_noted
   253  goto unmarked
queue_noted:
   254  r0 = *(u32 *)(r6 +12)
   255  exit
queue_not_noted:
   256  r0 = *(u32 *)(r6 +68)
   257  exit
