; at most 775 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 771 instructions
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
   316  if r2 != 60 goto ipv6_upper
        ; destination options: is there a tunnel encapsulation limit?
   317  r2 = r9
   318  r1 = r6
   319  r3 = r10
   320  r3 += -152
   321  r4 = 2
   322  call skb_load_bytes
   323  if r0 != 0 goto ipv6_no_tunnel
   324  r2 = *(u8 *)(r10 -151)
   325  r2 += 1
   326  r2 <<= 3
   327  r2 += r8
   328  r2 += 54
   329  r3 = *(u32 *)(r6 +0)
   330  if r2 > r3 goto ipv6_no_tunnel
   331  *(u64 *)(r10 -112) = r2
   332  *(u64 *)(r10 -160) = r7
   333  r9 += 2
   334  r7 = 30
option:
   335  r1 = *(u64 *)(r10 -112)
   336  if r9 >= r1 goto no_encapsulation_limit
        ; zeros, a Pad1, if the packet ends behind the first byte
   337  r2 = r9
   338  r1 = r6
   339  r3 = r10
   340  r3 += -80
   341  r4 = 2
   342  call skb_load_bytes
   343  r1 = *(u16 *)(r10 -80)
   344  if r1 == 0x104 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   345  r2 = *(u8 *)(r10 -80)
   346  r3 = 0
   347  r3 -= r2
   348  r3 >>= 63
   349  r1 >>= 8
   350  r1 += 1
   351  r1 *= r3
   352  r9 += r1
   353  r9 += 1
   354  r7 -= 1
   355  if r7 != 0 goto option
   356  goto no_encapsulation_limit
option_found:
   357  r9 += 3
   358  r1 = *(u64 *)(r10 -112)
   359  if r9 > r1 goto no_encapsulation_limit
   360  r7 = *(u64 *)(r10 -160)
   361  r9 = *(u8 *)(r10 -151)
   362  r9 += 1
   363  r9 <<= 3
   364  r9 += r8
   365  r9 += 54
   366  r2 = *(u8 *)(r10 -152)
   367  goto ipv6_upper
no_encapsulation_limit:
   368  r7 = *(u64 *)(r10 -160)
   369  goto ipv6_no_tunnel
ipv6_upper:
   370  if r2 == 47 goto ipv6_gre
   371  if r2 == 17 goto ipv6_udp_tunnel
   372  goto ipv6_no_tunnel
ipv6_gre:
   373  r2 = r9
   374  r1 = r6
   375  r3 = r10
   376  r3 += -152
   377  r4 = 4
   378  call skb_load_bytes
   379  if r0 != 0 goto ipv6_no_tunnel
   380  r1 = *(u16 *)(r10 -152)
   381  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   382  r9 += 4
   383  r2 = r1
   384  r2 &= 128
   385  r2 >>= 5
   386  r9 += r2
   387  r2 = r1
   388  r2 &= 32
   389  r2 >>= 3
   390  r9 += r2
   391  r2 = r1
   392  r2 &= 16
   393  r2 >>= 2
   394  r9 += r2
   395  r3 = *(u32 *)(r6 +0)
   396  if r9 > r3 goto ipv6_no_tunnel
   397  r2 = *(u16 *)(r10 -150)
   398  if r2 != 8 goto gre_other
   399  goto inner_ipv4
gre_other:
   400  if r2 != 0xdd86 goto gre_other
   401  goto inner_ipv6
gre_other:
   402  if r2 != 0x5865 goto gre_other
   403  goto inner_ethernet
gre_other:
   404  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   405  r1 = *(u8 *)(r10 -52)
   406  if r1 != 17 goto udp_options
   407  if r7 < 58 goto ipv6_no_tunnel
udp_port:
   408  r2 = *(u16 *)(r10 -16)
   409  r9 += 8
   410  if r2 == 0xb512 goto vxlan
   411  if r2 == 0xc117 goto geneve
   412  if r2 == 0xb612 goto vxlan_gpe
   413  if r2 == 0x9212 goto gre_udp
   414  goto ipv6_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
   415  r2 = r9
   416  r1 = r6
   417  r3 = r10
   418  r3 += -18
   419  r4 = 4
   420  call skb_load_bytes
   421  if r0 != 0 goto ipv6_no_tunnel
   422  goto udp_port
gre_udp:
   423  r2 = r9
   424  r1 = r6
   425  r3 = r10
   426  r3 += -152
   427  r4 = 4
   428  call skb_load_bytes
   429  if r0 != 0 goto ipv6_no_tunnel
   430  r1 = *(u16 *)(r10 -152)
   431  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   432  r9 += 4
   433  r2 = r1
   434  r2 &= 128
   435  r2 >>= 5
   436  r9 += r2
   437  r2 = r1
   438  r2 &= 32
   439  r2 >>= 3
   440  r9 += r2
   441  r2 = r1
   442  r2 &= 16
   443  r2 >>= 2
   444  r9 += r2
   445  r3 = *(u32 *)(r6 +0)
   446  if r9 > r3 goto ipv6_no_tunnel
   447  r2 = *(u16 *)(r10 -150)
   448  if r2 != 8 goto gre_other
   449  goto inner_ipv4
gre_other:
   450  if r2 != 0xdd86 goto gre_other
   451  goto inner_ipv6
gre_other:
   452  if r2 != 0x5865 goto gre_other
   453  goto inner_ethernet
gre_other:
   454  goto ipv6_no_tunnel
vxlan:
   455  r2 = r9
   456  r1 = r6
   457  r3 = r10
   458  r3 += -152
   459  r4 = 8
   460  call skb_load_bytes
   461  if r0 != 0 goto ipv6_no_tunnel
   462  r1 = *(u8 *)(r10 -152)
   463  r1 &= 8
   464  if r1 == 0 goto ipv6_no_tunnel
   465  r9 += 8
   466  goto inner_ethernet
vxlan_gpe:
   467  r2 = r9
   468  r1 = r6
   469  r3 = r10
   470  r3 += -152
   471  r4 = 8
   472  call skb_load_bytes
   473  if r0 != 0 goto ipv6_no_tunnel
   474  r1 = *(u8 *)(r10 -152)
   475  r2 = r1
   476  r2 &= 56
   477  if r2 != 8 goto ipv6_no_tunnel
   478  r9 += 8
   479  r1 &= 4
   480  if r1 == 0 goto inner_ethernet
   481  r1 = *(u8 *)(r10 -149)
   482  if r1 == 1 goto inner_ipv4
   483  if r1 == 2 goto inner_ipv6
   484  if r1 == 3 goto inner_ethernet
   485  goto ipv6_no_tunnel
geneve:
   486  r2 = r9
   487  r1 = r6
   488  r3 = r10
   489  r3 += -152
   490  r4 = 8
   491  call skb_load_bytes
   492  if r0 != 0 goto ipv6_no_tunnel
   493  r1 = *(u8 *)(r10 -152)
   494  if r1 & 192 goto ipv6_no_tunnel
   495  r1 &= 63
   496  r1 <<= 2
   497  r9 += r1
   498  r9 += 8
   499  r3 = *(u32 *)(r6 +0)
   500  if r9 > r3 goto ipv6_no_tunnel
   501  r1 = *(u16 *)(r10 -150)
   502  if r1 == 8 goto inner_ipv4
   503  if r1 == 0xdd86 goto inner_ipv6
   504  if r1 == 0x5865 goto inner_ethernet
ipv6_no_tunnel:
   505  r1 = *(u8 *)(r10 -52)
   506  if r1 == 6 goto ipv6_ports
   507  if r1 == 17 goto ipv6_ports
   508  if r1 == 0 goto walk
   509  if r1 == 43 goto walk
   510  if r1 == 44 goto walk
   511  if r1 == 51 goto walk
   512  if r1 == 60 goto walk
   513  if r1 == 135 goto walk
ipv6_only:
   514  r0 = 0
   515  goto ipv6_hash_addresses
ipv6_ports:
   516  if r7 < 58 goto ipv6_only
   517  goto ipv6_hash_ports
walk:
   518  r8 += 54
   519  r9 = *(u8 *)(r10 -52)
   520  r7 = 0
walk_header:
   521  if r9 == 44 goto walk_no_ports
   522  if r7 == 11 goto walk_no_ports
   523  r7 += 1
   524  r2 = r8
   525  r1 = r6
   526  r3 = r10
   527  r3 += -76
   528  r4 = 4
   529  call skb_load_bytes
   530  if r0 != 0 goto walk_no_ports
   531  r1 = *(u8 *)(r10 -75)
   532  if r9 == 51 goto walk_authentication
   533  r1 += 1
   534  r1 <<= 3
   535  goto walk_next
walk_authentication:
   536  r1 += 2
   537  r1 <<= 2
walk_next:
   538  r8 += r1
   539  r9 = *(u8 *)(r10 -76)
   540  r1 = *(u8 *)(r10 -76)
   541  if r1 == 0 goto walk_header
   542  if r1 == 43 goto walk_header
   543  if r1 == 44 goto walk_header
   544  if r1 == 51 goto walk_header
   545  if r1 == 60 goto walk_header
   546  if r1 == 135 goto walk_header
   547  if r9 != 6 goto other_protocol
   548  r2 = r8
   549  r1 = r6
   550  r3 = r10
   551  r3 += -18
   552  r4 = 4
   553  call skb_load_bytes
   554  if r0 != 0 goto walk_no_ports
   555  goto ipv6_hash_ports
other_protocol:
   556  if r9 != 17 goto other_protocol
   557  r2 = r8
   558  r1 = r6
   559  r3 = r10
   560  r3 += -18
   561  r4 = 4
   562  call skb_load_bytes
   563  if r0 != 0 goto walk_no_ports
   564  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   565  goto ipv6_only
ipv6_hash_ports:
   566  r0 = 0
        ; hash input bytes 32 to 35
   567  r1 = .rodata +8192 ll
   569  r2 = *(u8 *)(r10 -18)
   570  r2 += r1
   571  r2 = *(u8 *)(r2 +0)
   572  r0 ^= r2
   573  r2 = *(u8 *)(r10 -17)
   574  r2 += r1
   575  r2 = *(u8 *)(r2 +256)
   576  r0 ^= r2
   577  r2 = *(u8 *)(r10 -16)
   578  r2 += r1
   579  r2 = *(u8 *)(r2 +512)
   580  r0 ^= r2
   581  r2 = *(u8 *)(r10 -15)
   582  r2 += r1
   583  r2 = *(u8 *)(r2 +768)
   584  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   585  r1 = .rodata +0 ll
   587  r2 = *(u8 *)(r10 -50)
   588  r2 += r1
   589  r2 = *(u8 *)(r2 +0)
   590  r0 ^= r2
   591  r2 = *(u8 *)(r10 -49)
   592  r2 += r1
   593  r2 = *(u8 *)(r2 +256)
   594  r0 ^= r2
   595  r2 = *(u8 *)(r10 -48)
   596  r2 += r1
   597  r2 = *(u8 *)(r2 +512)
   598  r0 ^= r2
   599  r2 = *(u8 *)(r10 -47)
   600  r2 += r1
   601  r2 = *(u8 *)(r2 +768)
   602  r0 ^= r2
   603  r2 = *(u8 *)(r10 -46)
   604  r2 += r1
   605  r2 = *(u8 *)(r2 +1024)
   606  r0 ^= r2
   607  r2 = *(u8 *)(r10 -45)
   608  r2 += r1
   609  r2 = *(u8 *)(r2 +1280)
   610  r0 ^= r2
   611  r2 = *(u8 *)(r10 -44)
   612  r2 += r1
   613  r2 = *(u8 *)(r2 +1536)
   614  r0 ^= r2
   615  r2 = *(u8 *)(r10 -43)
   616  r2 += r1
   617  r2 = *(u8 *)(r2 +1792)
   618  r0 ^= r2
   619  r2 = *(u8 *)(r10 -42)
   620  r2 += r1
   621  r2 = *(u8 *)(r2 +2048)
   622  r0 ^= r2
   623  r2 = *(u8 *)(r10 -41)
   624  r2 += r1
   625  r2 = *(u8 *)(r2 +2304)
   626  r0 ^= r2
   627  r2 = *(u8 *)(r10 -40)
   628  r2 += r1
   629  r2 = *(u8 *)(r2 +2560)
   630  r0 ^= r2
   631  r2 = *(u8 *)(r10 -39)
   632  r2 += r1
   633  r2 = *(u8 *)(r2 +2816)
   634  r0 ^= r2
   635  r2 = *(u8 *)(r10 -38)
   636  r2 += r1
   637  r2 = *(u8 *)(r2 +3072)
   638  r0 ^= r2
   639  r2 = *(u8 *)(r10 -37)
   640  r2 += r1
   641  r2 = *(u8 *)(r2 +3328)
   642  r0 ^= r2
   643  r2 = *(u8 *)(r10 -36)
   644  r2 += r1
   645  r2 = *(u8 *)(r2 +3584)
   646  r0 ^= r2
   647  r2 = *(u8 *)(r10 -35)
   648  r2 += r1
   649  r2 = *(u8 *)(r2 +3840)
   650  r0 ^= r2
   651  r2 = *(u8 *)(r10 -34)
   652  r2 += r1
   653  r2 = *(u8 *)(r2 +4096)
   654  r0 ^= r2
   655  r2 = *(u8 *)(r10 -33)
   656  r2 += r1
   657  r2 = *(u8 *)(r2 +4352)
   658  r0 ^= r2
   659  r2 = *(u8 *)(r10 -32)
   660  r2 += r1
   661  r2 = *(u8 *)(r2 +4608)
   662  r0 ^= r2
   663  r2 = *(u8 *)(r10 -31)
   664  r2 += r1
   665  r2 = *(u8 *)(r2 +4864)
   666  r0 ^= r2
   667  r2 = *(u8 *)(r10 -30)
   668  r2 += r1
   669  r2 = *(u8 *)(r2 +5120)
   670  r0 ^= r2
   671  r2 = *(u8 *)(r10 -29)
   672  r2 += r1
   673  r2 = *(u8 *)(r2 +5376)
   674  r0 ^= r2
   675  r2 = *(u8 *)(r10 -28)
   676  r2 += r1
   677  r2 = *(u8 *)(r2 +5632)
   678  r0 ^= r2
   679  r2 = *(u8 *)(r10 -27)
   680  r2 += r1
   681  r2 = *(u8 *)(r2 +5888)
   682  r0 ^= r2
   683  r2 = *(u8 *)(r10 -26)
   684  r2 += r1
   685  r2 = *(u8 *)(r2 +6144)
   686  r0 ^= r2
   687  r2 = *(u8 *)(r10 -25)
   688  r2 += r1
   689  r2 = *(u8 *)(r2 +6400)
   690  r0 ^= r2
   691  r2 = *(u8 *)(r10 -24)
   692  r2 += r1
   693  r2 = *(u8 *)(r2 +6656)
   694  r0 ^= r2
   695  r2 = *(u8 *)(r10 -23)
   696  r2 += r1
   697  r2 = *(u8 *)(r2 +6912)
   698  r0 ^= r2
   699  r2 = *(u8 *)(r10 -22)
   700  r2 += r1
   701  r2 = *(u8 *)(r2 +7168)
   702  r0 ^= r2
   703  r2 = *(u8 *)(r10 -21)
   704  r2 += r1
   705  r2 = *(u8 *)(r2 +7424)
   706  r0 ^= r2
   707  r2 = *(u8 *)(r10 -20)
   708  r2 += r1
   709  r2 = *(u8 *)(r2 +7680)
   710  r0 ^= r2
   711  r2 = *(u8 *)(r10 -19)
   712  r2 += r1
   713  r2 = *(u8 *)(r2 +7936)
   714  r0 ^= r2
   715  goto table
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   716  r9 += 12
   717  r2 = r9
   718  r1 = r6
   719  r3 = r10
   720  r3 += -152
   721  r4 = 10
   722  call skb_load_bytes
   723  if r0 != 0 goto unclassified
   724  r9 += 2
   725  r1 = *(u16 *)(r10 -152)
   726  if r1 == 8 goto inner_ipv4
   727  if r1 == 0xdd86 goto inner_ipv6
   728  if r1 == 129 goto inner_vlan_tag
   729  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   730  r9 += 4
   731  r1 = *(u16 *)(r10 -148)
   732  if r1 == 8 goto inner_ipv4
   733  if r1 == 0xdd86 goto inner_ipv6
   734  if r1 == 129 goto inner_vlan_tag
   735  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   736  r9 += 4
   737  r1 = *(u16 *)(r10 -144)
   738  if r1 == 8 goto inner_ipv4
   739  if r1 == 0xdd86 goto inner_ipv6
   740  goto unclassified
inner_ipv4:
   741  r1 = 8
   742  *(u64 *)(r10 -136) = r1
   743  goto inner_window
inner_ipv6:
   744  r1 = 0xdd86
   745  *(u64 *)(r10 -136) = r1
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   746  r8 = r9
   747  r8 -= 14
   748  r7 = *(u32 *)(r6 +0)
   749  r7 -= r8
   750  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   751  r1 = r0
   752  r1 &= 127
   753  r1 <<= 1
   754  r2 = .data +80 ll
   756  r2 += r1
   757  r0 = *(u16 *)(r2 +0)
   758  exit
unclassified:
   759  r0 = 0
   760  exit
marked:
   761  if r1 == 0x7255 goto queue_noted
   762  if r1 == 0x7254 goto queue_not_noted
   763  if r1 == 0x7256 goto queue_last
   764  goto unmarked
queue_last:
   765  r0 = 0xffff
   766  exit
queue_noted:
   767  r0 = *(u32 *)(r6 +12)
   768  exit
queue_not_noted:
   769  r0 = *(u32 *)(r6 +68)
   770  exit
