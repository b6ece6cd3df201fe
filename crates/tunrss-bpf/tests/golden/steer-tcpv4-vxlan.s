; at most 345 instructions
; .rodata 3072 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 343 instructions
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
   205  if r2 != 60 goto ipv6_upper
        ; destination options: is there a tunnel encapsulation limit?
   206  r2 = r9
   207  r1 = r6
   208  r3 = r10
   209  r3 += -152
   210  r4 = 2
   211  call skb_load_bytes
   212  if r0 != 0 goto ipv6_no_tunnel
   213  r2 = *(u8 *)(r10 -151)
   214  r2 += 1
   215  r2 <<= 3
   216  r2 += r8
   217  r2 += 54
   218  r3 = *(u32 *)(r6 +0)
   219  if r2 > r3 goto ipv6_no_tunnel
   220  *(u64 *)(r10 -112) = r2
   221  *(u64 *)(r10 -160) = r7
   222  r9 += 2
   223  r7 = 30
option:
   224  r1 = *(u64 *)(r10 -112)
   225  if r9 >= r1 goto no_encapsulation_limit
        ; zeros, a Pad1, if the packet ends behind the first byte
   226  r2 = r9
   227  r1 = r6
   228  r3 = r10
   229  r3 += -80
   230  r4 = 2
   231  call skb_load_bytes
   232  r1 = *(u16 *)(r10 -80)
   233  if r1 == 0x104 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   234  r2 = *(u8 *)(r10 -80)
   235  r3 = 0
   236  r3 -= r2
   237  r3 >>= 63
   238  r1 >>= 8
   239  r1 += 1
   240  r1 *= r3
   241  r9 += r1
   242  r9 += 1
   243  r7 -= 1
   244  if r7 != 0 goto option
   245  goto no_encapsulation_limit
option_found:
   246  r9 += 3
   247  r1 = *(u64 *)(r10 -112)
   248  if r9 > r1 goto no_encapsulation_limit
   249  r7 = *(u64 *)(r10 -160)
   250  r9 = *(u8 *)(r10 -151)
   251  r9 += 1
   252  r9 <<= 3
   253  r9 += r8
   254  r9 += 54
   255  r2 = *(u8 *)(r10 -152)
   256  goto ipv6_upper
no_encapsulation_limit:
   257  r7 = *(u64 *)(r10 -160)
   258  goto ipv6_no_tunnel
ipv6_upper:
   259  if r2 == 17 goto ipv6_udp_tunnel
   260  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   261  r1 = *(u8 *)(r10 -52)
   262  if r1 != 17 goto udp_options
   263  if r7 < 58 goto ipv6_no_tunnel
udp_port:
   264  r2 = *(u16 *)(r10 -16)
   265  r9 += 8
   266  if r2 == 0xb512 goto vxlan
   267  goto ipv6_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
   268  r2 = r9
   269  r1 = r6
   270  r3 = r10
   271  r3 += -18
   272  r4 = 4
   273  call skb_load_bytes
   274  if r0 != 0 goto ipv6_no_tunnel
   275  goto udp_port
vxlan:
   276  r2 = r9
   277  r1 = r6
   278  r3 = r10
   279  r3 += -152
   280  r4 = 8
   281  call skb_load_bytes
   282  if r0 != 0 goto ipv6_no_tunnel
   283  r1 = *(u8 *)(r10 -152)
   284  r1 &= 8
   285  if r1 == 0 goto ipv6_no_tunnel
   286  r9 += 8
   287  goto inner_ethernet
ipv6_no_tunnel:
   288  goto unclassified
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   289  r9 += 12
   290  r2 = r9
   291  r1 = r6
   292  r3 = r10
   293  r3 += -152
   294  r4 = 10
   295  call skb_load_bytes
   296  if r0 != 0 goto unclassified
   297  r9 += 2
   298  r1 = *(u16 *)(r10 -152)
   299  if r1 == 8 goto inner_ipv4
   300  if r1 == 0xdd86 goto inner_ipv6
   301  if r1 == 129 goto inner_vlan_tag
   302  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   303  r9 += 4
   304  r1 = *(u16 *)(r10 -148)
   305  if r1 == 8 goto inner_ipv4
   306  if r1 == 0xdd86 goto inner_ipv6
   307  if r1 == 129 goto inner_vlan_tag
   308  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   309  r9 += 4
   310  r1 = *(u16 *)(r10 -144)
   311  if r1 == 8 goto inner_ipv4
   312  if r1 == 0xdd86 goto inner_ipv6
   313  goto unclassified
inner_ipv4:
   314  r1 = 8
   315  *(u64 *)(r10 -136) = r1
   316  goto inner_window
inner_ipv6:
   317  goto unclassified
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   318  r8 = r9
   319  r8 -= 14
   320  r7 = *(u32 *)(r6 +0)
   321  r7 -= r8
   322  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   323  r1 = r0
   324  r1 &= 127
   325  r1 <<= 1
   326  r2 = .data +80 ll
   328  r2 += r1
   329  r0 = *(u16 *)(r2 +0)
   330  exit
unclassified:
   331  r0 = 0
   332  exit
marked:
   333  if r1 == 0x7255 goto queue_noted
   334  if r1 == 0x7254 goto queue_not_noted
   335  if r1 == 0x7256 goto queue_last
   336  goto unmarked
queue_last:
   337  r0 = 0xffff
   338  exit
queue_noted:
   339  r0 = *(u32 *)(r6 +12)
   340  exit
queue_not_noted:
   341  r0 = *(u32 *)(r6 +68)
   342  exit
