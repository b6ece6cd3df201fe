; at most 280 instructions
; .rodata 3072 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 279 instructions
     0  r6 = r1
        ; hash types: tcpv4
        ; tunnel types: vxlan
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
     5  *(u64 *)(r10 -136) = 0
window:
     6  if r7 >= 66 goto load_full
        ; too short for any IP header
     7  if r7 < 34 goto unclassified
        ; a short packet: what there is
     8  *(u64 *)(r10 -72) = 0
     9  *(u64 *)(r10 -64) = 0
    10  *(u64 *)(r10 -56) = 0
    11  *(u64 *)(r10 -48) = 0
    12  *(u64 *)(r10 -40) = 0
    13  *(u64 *)(r10 -32) = 0
    14  *(u64 *)(r10 -24) = 0
    15  *(u64 *)(r10 -16) = 0
    16  *(u64 *)(r10 -8) = 0
    17  r2 = r8
    18  r1 = r6
    19  r3 = r10
    20  r3 += -72
    21  r4 = r7
    22  call skb_load_bytes
    23  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    24  r2 = r8
    25  r1 = r6
    26  r3 = r10
    27  r3 += -72
    28  r4 = 66
    29  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    30  r1 = *(u16 *)(r10 -60)
    31  r2 = *(u64 *)(r10 -136)
    32  if r2 == 0 goto dispatch
    33  r1 = r2
dispatch:
    34  if r1 == 8 goto ipv4
    35  if r1 == 0xdd86 goto ipv6
    36  if r1 == 129 goto vlan_tag
    37  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    38  r1 = *(u32 *)(r6 +20)
    39  r1 <<= 2
    40  r1 += r8
    41  if r1 >= 8 goto unclassified
    42  r8 += 4
    43  r7 -= 4
        ; too short for any IP header
    44  if r7 < 34 goto unclassified
    45  r1 = *(u32 *)(r10 -56)
    46  *(u32 *)(r10 -60) = r1
    47  r1 = *(u32 *)(r10 -52)
    48  *(u32 *)(r10 -56) = r1
    49  r1 = *(u32 *)(r10 -48)
    50  *(u32 *)(r10 -52) = r1
    51  r1 = *(u32 *)(r10 -44)
    52  *(u32 *)(r10 -48) = r1
    53  r1 = *(u32 *)(r10 -40)
    54  *(u32 *)(r10 -44) = r1
    55  r1 = *(u32 *)(r10 -36)
    56  *(u32 *)(r10 -40) = r1
    57  r1 = *(u32 *)(r10 -32)
    58  *(u32 *)(r10 -36) = r1
    59  r1 = *(u32 *)(r10 -28)
    60  *(u32 *)(r10 -32) = r1
    61  r1 = *(u32 *)(r10 -24)
    62  *(u32 *)(r10 -28) = r1
    63  r1 = *(u32 *)(r10 -20)
    64  *(u32 *)(r10 -24) = r1
    65  r1 = *(u32 *)(r10 -16)
    66  *(u32 *)(r10 -20) = r1
    67  r1 = *(u32 *)(r10 -12)
    68  *(u32 *)(r10 -16) = r1
    69  r1 = *(u8 *)(r10 -8)
    70  *(u8 *)(r10 -12) = r1
    71  r1 = *(u8 *)(r10 -7)
    72  *(u8 *)(r10 -11) = r1
    73  goto loaded
ipv4:
    74  r1 = *(u8 *)(r10 -58)
    75  if r1 == 69 goto ipv4_version_ok
    76  r2 = r1
    77  r2 >>= 4
    78  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; only one tunnel is looked into
    79  r2 = *(u64 *)(r10 -136)
    80  if r2 != 0 goto ipv4_no_tunnel
    81  r9 = r8
    82  r2 = *(u16 *)(r10 -52)
    83  if r2 & 0xff3f goto ipv4_no_tunnel
    84  r1 = *(u8 *)(r10 -58)
    85  r2 = r1
    86  r2 &= 15
    87  if r2 < 5 goto ipv4_no_tunnel
    88  r2 <<= 2
    89  r9 += r2
    90  r9 += 14
    91  r2 = *(u8 *)(r10 -49)
    92  if r2 == 17 goto ipv4_udp_tunnel
    93  goto ipv4_no_tunnel
ipv4_udp_tunnel:
    94  r1 &= 15
    95  if r1 != 5 goto udp_options
    96  if r7 < 38 goto ipv4_no_tunnel
udp_port:
    97  r2 = *(u16 *)(r10 -36)
    98  r9 += 8
    99  if r2 == 0xb512 goto vxlan
   100  goto ipv4_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
   101  r2 = r9
   102  r1 = r6
   103  r3 = r10
   104  r3 += -38
   105  r4 = 4
   106  call skb_load_bytes
   107  if r0 != 0 goto ipv4_no_tunnel
   108  goto udp_port
vxlan:
   109  r2 = r9
   110  r1 = r6
   111  r3 = r10
   112  r3 += -152
   113  r4 = 8
   114  call skb_load_bytes
   115  if r0 != 0 goto ipv4_no_tunnel
   116  r1 = *(u8 *)(r10 -152)
   117  r1 &= 8
   118  if r1 == 0 goto ipv4_no_tunnel
   119  r9 += 8
   120  goto inner_ethernet
ipv4_no_tunnel:
   121  r1 = *(u8 *)(r10 -58)
        ; a fragment has no ports
   122  r2 = *(u16 *)(r10 -52)
   123  if r2 & 0xff3f goto ipv4_only
   124  r2 = *(u8 *)(r10 -49)
   125  if r2 == 6 goto ipv4_ports
ipv4_only:
   126  goto unclassified
ipv4_ports:
   127  if r1 != 69 goto ipv4_options
   128  if r7 < 38 goto ipv4_only
   129  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
   130  r2 = r1
   131  r2 &= 15
   132  if r2 < 5 goto ipv4_only
   133  r2 <<= 2
   134  r2 += r8
   135  r2 += 14
   136  r1 = r6
   137  r3 = r10
   138  r3 += -38
   139  r4 = 4
   140  call skb_load_bytes
   141  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
   142  r0 = 0
        ; hash input bytes 8 to 11
   143  r1 = .rodata +2048 ll
   145  r2 = *(u8 *)(r10 -38)
   146  r2 += r1
   147  r2 = *(u8 *)(r2 +0)
   148  r0 ^= r2
   149  r2 = *(u8 *)(r10 -37)
   150  r2 += r1
   151  r2 = *(u8 *)(r2 +256)
   152  r0 ^= r2
   153  r2 = *(u8 *)(r10 -36)
   154  r2 += r1
   155  r2 = *(u8 *)(r2 +512)
   156  r0 ^= r2
   157  r2 = *(u8 *)(r10 -35)
   158  r2 += r1
   159  r2 = *(u8 *)(r2 +768)
   160  r0 ^= r2
        ; hash input bytes 0 to 7
   161  r1 = .rodata +0 ll
   163  r2 = *(u8 *)(r10 -46)
   164  r2 += r1
   165  r2 = *(u8 *)(r2 +0)
   166  r0 ^= r2
   167  r2 = *(u8 *)(r10 -45)
   168  r2 += r1
   169  r2 = *(u8 *)(r2 +256)
   170  r0 ^= r2
   171  r2 = *(u8 *)(r10 -44)
   172  r2 += r1
   173  r2 = *(u8 *)(r2 +512)
   174  r0 ^= r2
   175  r2 = *(u8 *)(r10 -43)
   176  r2 += r1
   177  r2 = *(u8 *)(r2 +768)
   178  r0 ^= r2
   179  r2 = *(u8 *)(r10 -42)
   180  r2 += r1
   181  r2 = *(u8 *)(r2 +1024)
   182  r0 ^= r2
   183  r2 = *(u8 *)(r10 -41)
   184  r2 += r1
   185  r2 = *(u8 *)(r2 +1280)
   186  r0 ^= r2
   187  r2 = *(u8 *)(r10 -40)
   188  r2 += r1
   189  r2 = *(u8 *)(r2 +1536)
   190  r0 ^= r2
   191  r2 = *(u8 *)(r10 -39)
   192  r2 += r1
   193  r2 = *(u8 *)(r2 +1792)
   194  r0 ^= r2
   195  goto table
ipv6:
   196  if r7 < 54 goto unclassified
   197  r1 = *(u8 *)(r10 -58)
   198  r1 >>= 4
   199  if r1 != 6 goto unclassified
        ; only one tunnel is looked into
   200  r2 = *(u64 *)(r10 -136)
   201  if r2 != 0 goto ipv6_no_tunnel
   202  r9 = r8
   203  r9 += 54
   204  r2 = *(u8 *)(r10 -52)
   205  if r2 == 17 goto ipv6_udp_tunnel
   206  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   207  if r7 < 58 goto ipv6_no_tunnel
   208  r2 = *(u16 *)(r10 -16)
   209  r9 += 8
   210  if r2 == 0xb512 goto vxlan
   211  goto ipv6_no_tunnel
vxlan:
   212  r2 = r9
   213  r1 = r6
   214  r3 = r10
   215  r3 += -152
   216  r4 = 8
   217  call skb_load_bytes
   218  if r0 != 0 goto ipv6_no_tunnel
   219  r1 = *(u8 *)(r10 -152)
   220  r1 &= 8
   221  if r1 == 0 goto ipv6_no_tunnel
   222  r9 += 8
   223  goto inner_ethernet
ipv6_no_tunnel:
   224  goto unclassified
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   225  r9 += 12
   226  r2 = r9
   227  r1 = r6
   228  r3 = r10
   229  r3 += -152
   230  r4 = 10
   231  call skb_load_bytes
   232  if r0 != 0 goto unclassified
   233  r9 += 2
   234  r1 = *(u16 *)(r10 -152)
   235  if r1 == 8 goto inner_ipv4
   236  if r1 == 0xdd86 goto inner_ipv6
   237  if r1 == 129 goto inner_vlan_tag
   238  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   239  r9 += 4
   240  r1 = *(u16 *)(r10 -148)
   241  if r1 == 8 goto inner_ipv4
   242  if r1 == 0xdd86 goto inner_ipv6
   243  if r1 == 129 goto inner_vlan_tag
   244  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   245  r9 += 4
   246  r1 = *(u16 *)(r10 -144)
   247  if r1 == 8 goto inner_ipv4
   248  if r1 == 0xdd86 goto inner_ipv6
   249  goto unclassified
inner_ipv4:
   250  r1 = 8
   251  *(u64 *)(r10 -136) = r1
   252  goto inner_window
inner_ipv6:
   253  goto unclassified
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   254  r8 = r9
   255  r8 -= 14
   256  r7 = *(u32 *)(r6 +0)
   257  r7 -= r8
   258  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   259  r1 = r0
   260  r1 &= 127
   261  r1 <<= 1
   262  r2 = .data +80 ll
   264  r2 += r1
   265  r0 = *(u16 *)(r2 +0)
   266  exit
unclassified:
   267  r0 = 0
   268  exit
marked:
   269  if r1 == 0x7255 goto queue_noted
   270  if r1 == 0x7254 goto queue_not_noted
   271  if r1 == 0x7256 goto queue_last
   272  goto unmarked
queue_last:
   273  r0 = 0xffff
   274  exit
queue_noted:
   275  r0 = *(u32 *)(r6 +12)
   276  exit
queue_not_noted:
   277  r0 = *(u32 *)(r6 +68)
   278  exit
