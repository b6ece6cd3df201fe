; at most 710 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 707 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
        ; tunnel types: gre,gre-2890,gre-7676,gre-udp,vxlan,vxlan-gpe,geneve,ipip,nvgre
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
    92  if r2 == 47 goto ipv4_gre
    93  if r2 == 17 goto ipv4_udp_tunnel
    94  if r2 != 4 goto ipv4_no_tunnel
    95  r3 = *(u32 *)(r6 +0)
    96  if r9 > r3 goto ipv4_no_tunnel
    97  goto inner_ipv4
ipv4_gre:
    98  r2 = r9
    99  r1 = r6
   100  r3 = r10
   101  r3 += -152
   102  r4 = 4
   103  call skb_load_bytes
   104  if r0 != 0 goto ipv4_no_tunnel
   105  r1 = *(u16 *)(r10 -152)
   106  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   107  r9 += 4
   108  r2 = r1
   109  r2 &= 128
   110  r2 >>= 5
   111  r9 += r2
   112  r2 = r1
   113  r2 &= 32
   114  r2 >>= 3
   115  r9 += r2
   116  r2 = r1
   117  r2 &= 16
   118  r2 >>= 2
   119  r9 += r2
   120  r3 = *(u32 *)(r6 +0)
   121  if r9 > r3 goto ipv4_no_tunnel
   122  r2 = *(u16 *)(r10 -150)
   123  if r2 != 8 goto gre_other
   124  goto inner_ipv4
gre_other:
   125  if r2 != 0xdd86 goto gre_other
   126  goto inner_ipv6
gre_other:
   127  if r2 != 0x5865 goto gre_other
   128  goto inner_ethernet
gre_other:
   129  goto ipv4_no_tunnel
ipv4_udp_tunnel:
   130  r1 &= 15
   131  if r1 != 5 goto udp_options
   132  if r7 < 38 goto ipv4_no_tunnel
udp_port:
   133  r2 = *(u16 *)(r10 -36)
   134  r9 += 8
   135  if r2 == 0xb512 goto vxlan
   136  if r2 == 0xc117 goto geneve
   137  if r2 == 0xb612 goto vxlan_gpe
   138  if r2 == 0x9212 goto gre_udp
   139  goto ipv4_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
   140  r2 = r9
   141  r1 = r6
   142  r3 = r10
   143  r3 += -38
   144  r4 = 4
   145  call skb_load_bytes
   146  if r0 != 0 goto ipv4_no_tunnel
   147  goto udp_port
gre_udp:
   148  r2 = r9
   149  r1 = r6
   150  r3 = r10
   151  r3 += -152
   152  r4 = 4
   153  call skb_load_bytes
   154  if r0 != 0 goto ipv4_no_tunnel
   155  r1 = *(u16 *)(r10 -152)
   156  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   157  r9 += 4
   158  r2 = r1
   159  r2 &= 128
   160  r2 >>= 5
   161  r9 += r2
   162  r2 = r1
   163  r2 &= 32
   164  r2 >>= 3
   165  r9 += r2
   166  r2 = r1
   167  r2 &= 16
   168  r2 >>= 2
   169  r9 += r2
   170  r3 = *(u32 *)(r6 +0)
   171  if r9 > r3 goto ipv4_no_tunnel
   172  r2 = *(u16 *)(r10 -150)
   173  if r2 != 8 goto gre_other
   174  goto inner_ipv4
gre_other:
   175  if r2 != 0xdd86 goto gre_other
   176  goto inner_ipv6
gre_other:
   177  if r2 != 0x5865 goto gre_other
   178  goto inner_ethernet
gre_other:
   179  goto ipv4_no_tunnel
vxlan:
   180  r2 = r9
   181  r1 = r6
   182  r3 = r10
   183  r3 += -152
   184  r4 = 8
   185  call skb_load_bytes
   186  if r0 != 0 goto ipv4_no_tunnel
   187  r1 = *(u8 *)(r10 -152)
   188  r1 &= 8
   189  if r1 == 0 goto ipv4_no_tunnel
   190  r9 += 8
   191  goto inner_ethernet
vxlan_gpe:
   192  r2 = r9
   193  r1 = r6
   194  r3 = r10
   195  r3 += -152
   196  r4 = 8
   197  call skb_load_bytes
   198  if r0 != 0 goto ipv4_no_tunnel
   199  r1 = *(u8 *)(r10 -152)
   200  r2 = r1
   201  r2 &= 56
   202  if r2 != 8 goto ipv4_no_tunnel
   203  r9 += 8
   204  r1 &= 4
   205  if r1 == 0 goto inner_ethernet
   206  r1 = *(u8 *)(r10 -149)
   207  if r1 == 1 goto inner_ipv4
   208  if r1 == 2 goto inner_ipv6
   209  if r1 == 3 goto inner_ethernet
   210  goto ipv4_no_tunnel
geneve:
   211  r2 = r9
   212  r1 = r6
   213  r3 = r10
   214  r3 += -152
   215  r4 = 8
   216  call skb_load_bytes
   217  if r0 != 0 goto ipv4_no_tunnel
   218  r1 = *(u8 *)(r10 -152)
   219  if r1 & 192 goto ipv4_no_tunnel
   220  r1 &= 63
   221  r1 <<= 2
   222  r9 += r1
   223  r9 += 8
   224  r3 = *(u32 *)(r6 +0)
   225  if r9 > r3 goto ipv4_no_tunnel
   226  r1 = *(u16 *)(r10 -150)
   227  if r1 == 8 goto inner_ipv4
   228  if r1 == 0xdd86 goto inner_ipv6
   229  if r1 == 0x5865 goto inner_ethernet
ipv4_no_tunnel:
   230  r1 = *(u8 *)(r10 -58)
        ; a fragment has no ports
   231  r2 = *(u16 *)(r10 -52)
   232  if r2 & 0xff3f goto ipv4_only
   233  r2 = *(u8 *)(r10 -49)
   234  if r2 == 6 goto ipv4_ports
   235  if r2 == 17 goto ipv4_ports
ipv4_only:
   236  r0 = 0
   237  goto ipv4_hash_addresses
ipv4_ports:
   238  if r1 != 69 goto ipv4_options
   239  if r7 < 38 goto ipv4_only
   240  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
   241  r2 = r1
   242  r2 &= 15
   243  if r2 < 5 goto ipv4_only
   244  r2 <<= 2
   245  r2 += r8
   246  r2 += 14
   247  r1 = r6
   248  r3 = r10
   249  r3 += -38
   250  r4 = 4
   251  call skb_load_bytes
   252  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
   253  r0 = 0
        ; hash input bytes 8 to 11
   254  r1 = .rodata +2048 ll
   256  r2 = *(u8 *)(r10 -38)
   257  r2 += r1
   258  r2 = *(u8 *)(r2 +0)
   259  r0 ^= r2
   260  r2 = *(u8 *)(r10 -37)
   261  r2 += r1
   262  r2 = *(u8 *)(r2 +256)
   263  r0 ^= r2
   264  r2 = *(u8 *)(r10 -36)
   265  r2 += r1
   266  r2 = *(u8 *)(r2 +512)
   267  r0 ^= r2
   268  r2 = *(u8 *)(r10 -35)
   269  r2 += r1
   270  r2 = *(u8 *)(r2 +768)
   271  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
   272  r1 = .rodata +0 ll
   274  r2 = *(u8 *)(r10 -46)
   275  r2 += r1
   276  r2 = *(u8 *)(r2 +0)
   277  r0 ^= r2
   278  r2 = *(u8 *)(r10 -45)
   279  r2 += r1
   280  r2 = *(u8 *)(r2 +256)
   281  r0 ^= r2
   282  r2 = *(u8 *)(r10 -44)
   283  r2 += r1
   284  r2 = *(u8 *)(r2 +512)
   285  r0 ^= r2
   286  r2 = *(u8 *)(r10 -43)
   287  r2 += r1
   288  r2 = *(u8 *)(r2 +768)
   289  r0 ^= r2
   290  r2 = *(u8 *)(r10 -42)
   291  r2 += r1
   292  r2 = *(u8 *)(r2 +1024)
   293  r0 ^= r2
   294  r2 = *(u8 *)(r10 -41)
   295  r2 += r1
   296  r2 = *(u8 *)(r2 +1280)
   297  r0 ^= r2
   298  r2 = *(u8 *)(r10 -40)
   299  r2 += r1
   300  r2 = *(u8 *)(r2 +1536)
   301  r0 ^= r2
   302  r2 = *(u8 *)(r10 -39)
   303  r2 += r1
   304  r2 = *(u8 *)(r2 +1792)
   305  r0 ^= r2
   306  goto table
ipv6:
   307  if r7 < 54 goto unclassified
   308  r1 = *(u8 *)(r10 -58)
   309  r1 >>= 4
   310  if r1 != 6 goto unclassified
        ; only one tunnel is looked into
   311  r2 = *(u64 *)(r10 -136)
   312  if r2 != 0 goto ipv6_no_tunnel
   313  r9 = r8
   314  r9 += 54
   315  r2 = *(u8 *)(r10 -52)
   316  if r2 == 47 goto ipv6_gre
   317  if r2 == 17 goto ipv6_udp_tunnel
   318  goto ipv6_no_tunnel
ipv6_gre:
   319  r2 = r9
   320  r1 = r6
   321  r3 = r10
   322  r3 += -152
   323  r4 = 4
   324  call skb_load_bytes
   325  if r0 != 0 goto ipv6_no_tunnel
   326  r1 = *(u16 *)(r10 -152)
   327  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   328  r9 += 4
   329  r2 = r1
   330  r2 &= 128
   331  r2 >>= 5
   332  r9 += r2
   333  r2 = r1
   334  r2 &= 32
   335  r2 >>= 3
   336  r9 += r2
   337  r2 = r1
   338  r2 &= 16
   339  r2 >>= 2
   340  r9 += r2
   341  r3 = *(u32 *)(r6 +0)
   342  if r9 > r3 goto ipv6_no_tunnel
   343  r2 = *(u16 *)(r10 -150)
   344  if r2 != 8 goto gre_other
   345  goto inner_ipv4
gre_other:
   346  if r2 != 0xdd86 goto gre_other
   347  goto inner_ipv6
gre_other:
   348  if r2 != 0x5865 goto gre_other
   349  goto inner_ethernet
gre_other:
   350  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   351  if r7 < 58 goto ipv6_no_tunnel
   352  r2 = *(u16 *)(r10 -16)
   353  r9 += 8
   354  if r2 == 0xb512 goto vxlan
   355  if r2 == 0xc117 goto geneve
   356  if r2 == 0xb612 goto vxlan_gpe
   357  if r2 == 0x9212 goto gre_udp
   358  goto ipv6_no_tunnel
gre_udp:
   359  r2 = r9
   360  r1 = r6
   361  r3 = r10
   362  r3 += -152
   363  r4 = 4
   364  call skb_load_bytes
   365  if r0 != 0 goto ipv6_no_tunnel
   366  r1 = *(u16 *)(r10 -152)
   367  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   368  r9 += 4
   369  r2 = r1
   370  r2 &= 128
   371  r2 >>= 5
   372  r9 += r2
   373  r2 = r1
   374  r2 &= 32
   375  r2 >>= 3
   376  r9 += r2
   377  r2 = r1
   378  r2 &= 16
   379  r2 >>= 2
   380  r9 += r2
   381  r3 = *(u32 *)(r6 +0)
   382  if r9 > r3 goto ipv6_no_tunnel
   383  r2 = *(u16 *)(r10 -150)
   384  if r2 != 8 goto gre_other
   385  goto inner_ipv4
gre_other:
   386  if r2 != 0xdd86 goto gre_other
   387  goto inner_ipv6
gre_other:
   388  if r2 != 0x5865 goto gre_other
   389  goto inner_ethernet
gre_other:
   390  goto ipv6_no_tunnel
vxlan:
   391  r2 = r9
   392  r1 = r6
   393  r3 = r10
   394  r3 += -152
   395  r4 = 8
   396  call skb_load_bytes
   397  if r0 != 0 goto ipv6_no_tunnel
   398  r1 = *(u8 *)(r10 -152)
   399  r1 &= 8
   400  if r1 == 0 goto ipv6_no_tunnel
   401  r9 += 8
   402  goto inner_ethernet
vxlan_gpe:
   403  r2 = r9
   404  r1 = r6
   405  r3 = r10
   406  r3 += -152
   407  r4 = 8
   408  call skb_load_bytes
   409  if r0 != 0 goto ipv6_no_tunnel
   410  r1 = *(u8 *)(r10 -152)
   411  r2 = r1
   412  r2 &= 56
   413  if r2 != 8 goto ipv6_no_tunnel
   414  r9 += 8
   415  r1 &= 4
   416  if r1 == 0 goto inner_ethernet
   417  r1 = *(u8 *)(r10 -149)
   418  if r1 == 1 goto inner_ipv4
   419  if r1 == 2 goto inner_ipv6
   420  if r1 == 3 goto inner_ethernet
   421  goto ipv6_no_tunnel
geneve:
   422  r2 = r9
   423  r1 = r6
   424  r3 = r10
   425  r3 += -152
   426  r4 = 8
   427  call skb_load_bytes
   428  if r0 != 0 goto ipv6_no_tunnel
   429  r1 = *(u8 *)(r10 -152)
   430  if r1 & 192 goto ipv6_no_tunnel
   431  r1 &= 63
   432  r1 <<= 2
   433  r9 += r1
   434  r9 += 8
   435  r3 = *(u32 *)(r6 +0)
   436  if r9 > r3 goto ipv6_no_tunnel
   437  r1 = *(u16 *)(r10 -150)
   438  if r1 == 8 goto inner_ipv4
   439  if r1 == 0xdd86 goto inner_ipv6
   440  if r1 == 0x5865 goto inner_ethernet
ipv6_no_tunnel:
   441  r1 = *(u8 *)(r10 -52)
   442  if r1 == 6 goto ipv6_ports
   443  if r1 == 17 goto ipv6_ports
   444  if r1 == 0 goto walk
   445  if r1 == 43 goto walk
   446  if r1 == 44 goto walk
   447  if r1 == 51 goto walk
   448  if r1 == 60 goto walk
   449  if r1 == 135 goto walk
ipv6_only:
   450  r0 = 0
   451  goto ipv6_hash_addresses
ipv6_ports:
   452  if r7 < 58 goto ipv6_only
   453  goto ipv6_hash_ports
walk:
   454  r8 += 54
   455  r9 = *(u8 *)(r10 -52)
   456  r7 = 0
walk_header:
   457  if r9 == 44 goto walk_no_ports
   458  if r7 == 11 goto walk_no_ports
   459  r7 += 1
   460  r2 = r8
   461  r1 = r6
   462  r3 = r10
   463  r3 += -76
   464  r4 = 4
   465  call skb_load_bytes
   466  if r0 != 0 goto walk_no_ports
   467  r1 = *(u8 *)(r10 -75)
   468  if r9 == 51 goto walk_authentication
   469  r1 += 1
   470  r1 <<= 3
   471  goto walk_next
walk_authentication:
   472  r1 += 2
   473  r1 <<= 2
walk_next:
   474  r8 += r1
   475  r9 = *(u8 *)(r10 -76)
   476  r1 = *(u8 *)(r10 -76)
   477  if r1 == 0 goto walk_header
   478  if r1 == 43 goto walk_header
   479  if r1 == 44 goto walk_header
   480  if r1 == 51 goto walk_header
   481  if r1 == 60 goto walk_header
   482  if r1 == 135 goto walk_header
   483  if r9 != 6 goto other_protocol
   484  r2 = r8
   485  r1 = r6
   486  r3 = r10
   487  r3 += -18
   488  r4 = 4
   489  call skb_load_bytes
   490  if r0 != 0 goto walk_no_ports
   491  goto ipv6_hash_ports
other_protocol:
   492  if r9 != 17 goto other_protocol
   493  r2 = r8
   494  r1 = r6
   495  r3 = r10
   496  r3 += -18
   497  r4 = 4
   498  call skb_load_bytes
   499  if r0 != 0 goto walk_no_ports
   500  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   501  goto ipv6_only
ipv6_hash_ports:
   502  r0 = 0
        ; hash input bytes 32 to 35
   503  r1 = .rodata +8192 ll
   505  r2 = *(u8 *)(r10 -18)
   506  r2 += r1
   507  r2 = *(u8 *)(r2 +0)
   508  r0 ^= r2
   509  r2 = *(u8 *)(r10 -17)
   510  r2 += r1
   511  r2 = *(u8 *)(r2 +256)
   512  r0 ^= r2
   513  r2 = *(u8 *)(r10 -16)
   514  r2 += r1
   515  r2 = *(u8 *)(r2 +512)
   516  r0 ^= r2
   517  r2 = *(u8 *)(r10 -15)
   518  r2 += r1
   519  r2 = *(u8 *)(r2 +768)
   520  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   521  r1 = .rodata +0 ll
   523  r2 = *(u8 *)(r10 -50)
   524  r2 += r1
   525  r2 = *(u8 *)(r2 +0)
   526  r0 ^= r2
   527  r2 = *(u8 *)(r10 -49)
   528  r2 += r1
   529  r2 = *(u8 *)(r2 +256)
   530  r0 ^= r2
   531  r2 = *(u8 *)(r10 -48)
   532  r2 += r1
   533  r2 = *(u8 *)(r2 +512)
   534  r0 ^= r2
   535  r2 = *(u8 *)(r10 -47)
   536  r2 += r1
   537  r2 = *(u8 *)(r2 +768)
   538  r0 ^= r2
   539  r2 = *(u8 *)(r10 -46)
   540  r2 += r1
   541  r2 = *(u8 *)(r2 +1024)
   542  r0 ^= r2
   543  r2 = *(u8 *)(r10 -45)
   544  r2 += r1
   545  r2 = *(u8 *)(r2 +1280)
   546  r0 ^= r2
   547  r2 = *(u8 *)(r10 -44)
   548  r2 += r1
   549  r2 = *(u8 *)(r2 +1536)
   550  r0 ^= r2
   551  r2 = *(u8 *)(r10 -43)
   552  r2 += r1
   553  r2 = *(u8 *)(r2 +1792)
   554  r0 ^= r2
   555  r2 = *(u8 *)(r10 -42)
   556  r2 += r1
   557  r2 = *(u8 *)(r2 +2048)
   558  r0 ^= r2
   559  r2 = *(u8 *)(r10 -41)
   560  r2 += r1
   561  r2 = *(u8 *)(r2 +2304)
   562  r0 ^= r2
   563  r2 = *(u8 *)(r10 -40)
   564  r2 += r1
   565  r2 = *(u8 *)(r2 +2560)
   566  r0 ^= r2
   567  r2 = *(u8 *)(r10 -39)
   568  r2 += r1
   569  r2 = *(u8 *)(r2 +2816)
   570  r0 ^= r2
   571  r2 = *(u8 *)(r10 -38)
   572  r2 += r1
   573  r2 = *(u8 *)(r2 +3072)
   574  r0 ^= r2
   575  r2 = *(u8 *)(r10 -37)
   576  r2 += r1
   577  r2 = *(u8 *)(r2 +3328)
   578  r0 ^= r2
   579  r2 = *(u8 *)(r10 -36)
   580  r2 += r1
   581  r2 = *(u8 *)(r2 +3584)
   582  r0 ^= r2
   583  r2 = *(u8 *)(r10 -35)
   584  r2 += r1
   585  r2 = *(u8 *)(r2 +3840)
   586  r0 ^= r2
   587  r2 = *(u8 *)(r10 -34)
   588  r2 += r1
   589  r2 = *(u8 *)(r2 +4096)
   590  r0 ^= r2
   591  r2 = *(u8 *)(r10 -33)
   592  r2 += r1
   593  r2 = *(u8 *)(r2 +4352)
   594  r0 ^= r2
   595  r2 = *(u8 *)(r10 -32)
   596  r2 += r1
   597  r2 = *(u8 *)(r2 +4608)
   598  r0 ^= r2
   599  r2 = *(u8 *)(r10 -31)
   600  r2 += r1
   601  r2 = *(u8 *)(r2 +4864)
   602  r0 ^= r2
   603  r2 = *(u8 *)(r10 -30)
   604  r2 += r1
   605  r2 = *(u8 *)(r2 +5120)
   606  r0 ^= r2
   607  r2 = *(u8 *)(r10 -29)
   608  r2 += r1
   609  r2 = *(u8 *)(r2 +5376)
   610  r0 ^= r2
   611  r2 = *(u8 *)(r10 -28)
   612  r2 += r1
   613  r2 = *(u8 *)(r2 +5632)
   614  r0 ^= r2
   615  r2 = *(u8 *)(r10 -27)
   616  r2 += r1
   617  r2 = *(u8 *)(r2 +5888)
   618  r0 ^= r2
   619  r2 = *(u8 *)(r10 -26)
   620  r2 += r1
   621  r2 = *(u8 *)(r2 +6144)
   622  r0 ^= r2
   623  r2 = *(u8 *)(r10 -25)
   624  r2 += r1
   625  r2 = *(u8 *)(r2 +6400)
   626  r0 ^= r2
   627  r2 = *(u8 *)(r10 -24)
   628  r2 += r1
   629  r2 = *(u8 *)(r2 +6656)
   630  r0 ^= r2
   631  r2 = *(u8 *)(r10 -23)
   632  r2 += r1
   633  r2 = *(u8 *)(r2 +6912)
   634  r0 ^= r2
   635  r2 = *(u8 *)(r10 -22)
   636  r2 += r1
   637  r2 = *(u8 *)(r2 +7168)
   638  r0 ^= r2
   639  r2 = *(u8 *)(r10 -21)
   640  r2 += r1
   641  r2 = *(u8 *)(r2 +7424)
   642  r0 ^= r2
   643  r2 = *(u8 *)(r10 -20)
   644  r2 += r1
   645  r2 = *(u8 *)(r2 +7680)
   646  r0 ^= r2
   647  r2 = *(u8 *)(r10 -19)
   648  r2 += r1
   649  r2 = *(u8 *)(r2 +7936)
   650  r0 ^= r2
   651  goto table
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   652  r9 += 12
   653  r2 = r9
   654  r1 = r6
   655  r3 = r10
   656  r3 += -152
   657  r4 = 10
   658  call skb_load_bytes
   659  if r0 != 0 goto unclassified
   660  r9 += 2
   661  r1 = *(u16 *)(r10 -152)
   662  if r1 == 8 goto inner_ipv4
   663  if r1 == 0xdd86 goto inner_ipv6
   664  if r1 == 129 goto inner_vlan_tag
   665  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   666  r9 += 4
   667  r1 = *(u16 *)(r10 -148)
   668  if r1 == 8 goto inner_ipv4
   669  if r1 == 0xdd86 goto inner_ipv6
   670  if r1 == 129 goto inner_vlan_tag
   671  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   672  r9 += 4
   673  r1 = *(u16 *)(r10 -144)
   674  if r1 == 8 goto inner_ipv4
   675  if r1 == 0xdd86 goto inner_ipv6
   676  goto unclassified
inner_ipv4:
   677  r1 = 8
   678  *(u64 *)(r10 -136) = r1
   679  goto inner_window
inner_ipv6:
   680  r1 = 0xdd86
   681  *(u64 *)(r10 -136) = r1
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   682  r8 = r9
   683  r8 -= 14
   684  r7 = *(u32 *)(r6 +0)
   685  r7 -= r8
   686  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   687  r1 = r0
   688  r1 &= 127
   689  r1 <<= 1
   690  r2 = .data +80 ll
   692  r2 += r1
   693  r0 = *(u16 *)(r2 +0)
   694  exit
unclassified:
   695  r0 = 0
   696  exit
marked:
   697  if r1 == 0x7255 goto queue_noted
   698  if r1 == 0x7254 goto queue_not_noted
   699  if r1 == 0x7256 goto queue_last
   700  goto unmarked
queue_last:
   701  r0 = 0xffff
   702  exit
queue_noted:
   703  r0 = *(u32 *)(r6 +12)
   704  exit
queue_not_noted:
   705  r0 = *(u32 *)(r6 +68)
   706  exit
