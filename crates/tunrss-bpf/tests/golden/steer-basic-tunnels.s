; at most 730 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 672 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
        ; tunnel types: gre,gre-2890,gre-7676,gre-udp,vxlan,vxlan-gpe,geneve,ipip,nvgre
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
    62  if r2 == 47 goto ipv4_gre
    63  if r2 == 17 goto ipv4_udp_tunnel
    64  if r2 != 4 goto ipv4_no_tunnel
    65  r3 = *(u32 *)(r6 +0)
    66  if r9 > r3 goto ipv4_no_tunnel
    67  goto inner_ipv4
ipv4_gre:
    68  r2 = r9
    69  r1 = r6
    70  r3 = r10
    71  r3 += -144
    72  r4 = 4
    73  call skb_load_bytes
    74  if r0 != 0 goto ipv4_no_tunnel
    75  r1 = *(u16 *)(r10 -144)
    76  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
    77  r9 += 4
    78  r2 = r1
    79  r2 &= 128
    80  r2 >>= 5
    81  r9 += r2
    82  r2 = r1
    83  r2 &= 32
    84  r2 >>= 3
    85  r9 += r2
    86  r2 = r1
    87  r2 &= 16
    88  r2 >>= 2
    89  r9 += r2
    90  r3 = *(u32 *)(r6 +0)
    91  if r9 > r3 goto ipv4_no_tunnel
    92  r2 = *(u16 *)(r10 -142)
    93  if r2 != 8 goto gre_other
    94  goto inner_ipv4
gre_other:
    95  if r2 != 0xdd86 goto gre_other
    96  goto inner_ipv6
gre_other:
    97  if r2 != 0x5865 goto gre_other
    98  goto inner_ethernet
gre_other:
    99  goto ipv4_no_tunnel
ipv4_udp_tunnel:
   100  r1 &= 15
   101  if r1 != 5 goto udp_options
   102  if r7 < 38 goto ipv4_no_tunnel
udp_port:
   103  r2 = *(u16 *)(r10 -28)
   104  r9 += 8
   105  if r2 == 0xb512 goto vxlan
   106  if r2 == 0xc117 goto geneve
   107  if r2 == 0xb612 goto vxlan_gpe
   108  if r2 == 0x9212 goto gre_udp
   109  goto ipv4_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
   110  r2 = r9
   111  r1 = r6
   112  r3 = r10
   113  r3 += -30
   114  r4 = 4
   115  call skb_load_bytes
   116  if r0 != 0 goto ipv4_no_tunnel
   117  goto udp_port
gre_udp:
   118  r2 = r9
   119  r1 = r6
   120  r3 = r10
   121  r3 += -144
   122  r4 = 4
   123  call skb_load_bytes
   124  if r0 != 0 goto ipv4_no_tunnel
   125  r1 = *(u16 *)(r10 -144)
   126  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   127  r9 += 4
   128  r2 = r1
   129  r2 &= 128
   130  r2 >>= 5
   131  r9 += r2
   132  r2 = r1
   133  r2 &= 32
   134  r2 >>= 3
   135  r9 += r2
   136  r2 = r1
   137  r2 &= 16
   138  r2 >>= 2
   139  r9 += r2
   140  r3 = *(u32 *)(r6 +0)
   141  if r9 > r3 goto ipv4_no_tunnel
   142  r2 = *(u16 *)(r10 -142)
   143  if r2 != 8 goto gre_other
   144  goto inner_ipv4
gre_other:
   145  if r2 != 0xdd86 goto gre_other
   146  goto inner_ipv6
gre_other:
   147  if r2 != 0x5865 goto gre_other
   148  goto inner_ethernet
gre_other:
   149  goto ipv4_no_tunnel
vxlan:
   150  r2 = r9
   151  r1 = r6
   152  r3 = r10
   153  r3 += -144
   154  r4 = 8
   155  call skb_load_bytes
   156  if r0 != 0 goto ipv4_no_tunnel
   157  r1 = *(u8 *)(r10 -144)
   158  r1 &= 8
   159  if r1 == 0 goto ipv4_no_tunnel
   160  r9 += 8
   161  goto inner_ethernet
vxlan_gpe:
   162  r2 = r9
   163  r1 = r6
   164  r3 = r10
   165  r3 += -144
   166  r4 = 8
   167  call skb_load_bytes
   168  if r0 != 0 goto ipv4_no_tunnel
   169  r1 = *(u8 *)(r10 -144)
   170  r2 = r1
   171  r2 &= 56
   172  if r2 != 8 goto ipv4_no_tunnel
   173  r9 += 8
   174  r1 &= 4
   175  if r1 == 0 goto inner_ethernet
   176  r1 = *(u8 *)(r10 -141)
   177  if r1 == 1 goto inner_ipv4
   178  if r1 == 2 goto inner_ipv6
   179  if r1 == 3 goto inner_ethernet
   180  goto ipv4_no_tunnel
geneve:
   181  r2 = r9
   182  r1 = r6
   183  r3 = r10
   184  r3 += -144
   185  r4 = 8
   186  call skb_load_bytes
   187  if r0 != 0 goto ipv4_no_tunnel
   188  r1 = *(u8 *)(r10 -144)
   189  if r1 & 192 goto ipv4_no_tunnel
   190  r1 &= 63
   191  r1 <<= 2
   192  r9 += r1
   193  r9 += 8
   194  r3 = *(u32 *)(r6 +0)
   195  if r9 > r3 goto ipv4_no_tunnel
   196  r1 = *(u16 *)(r10 -142)
   197  if r1 == 8 goto inner_ipv4
   198  if r1 == 0xdd86 goto inner_ipv6
   199  if r1 == 0x5865 goto inner_ethernet
ipv4_no_tunnel:
   200  r1 = *(u8 *)(r10 -50)
        ; a fragment has no ports
   201  r2 = *(u16 *)(r10 -44)
   202  if r2 & 0xff3f goto ipv4_only
   203  r2 = *(u8 *)(r10 -41)
   204  if r2 == 6 goto ipv4_ports
   205  if r2 == 17 goto ipv4_ports
ipv4_only:
   206  r0 = 0
   207  goto ipv4_hash_addresses
ipv4_ports:
   208  if r1 != 69 goto ipv4_options
   209  if r7 < 38 goto ipv4_only
   210  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
   211  r2 = r1
   212  r2 &= 15
   213  if r2 < 5 goto ipv4_only
   214  r2 <<= 2
   215  r2 += r8
   216  r2 += 14
   217  r1 = r6
   218  r3 = r10
   219  r3 += -30
   220  r4 = 4
   221  call skb_load_bytes
   222  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
   223  r0 = 0
        ; hash input bytes 8 to 11
   224  r1 = .rodata +2048 ll
   226  r2 = *(u8 *)(r10 -30)
   227  r2 += r1
   228  r2 = *(u8 *)(r2 +0)
   229  r0 ^= r2
   230  r2 = *(u8 *)(r10 -29)
   231  r2 += r1
   232  r2 = *(u8 *)(r2 +256)
   233  r0 ^= r2
   234  r2 = *(u8 *)(r10 -28)
   235  r2 += r1
   236  r2 = *(u8 *)(r2 +512)
   237  r0 ^= r2
   238  r2 = *(u8 *)(r10 -27)
   239  r2 += r1
   240  r2 = *(u8 *)(r2 +768)
   241  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
   242  r1 = .rodata +0 ll
   244  r2 = *(u8 *)(r10 -38)
   245  r2 += r1
   246  r2 = *(u8 *)(r2 +0)
   247  r0 ^= r2
   248  r2 = *(u8 *)(r10 -37)
   249  r2 += r1
   250  r2 = *(u8 *)(r2 +256)
   251  r0 ^= r2
   252  r2 = *(u8 *)(r10 -36)
   253  r2 += r1
   254  r2 = *(u8 *)(r2 +512)
   255  r0 ^= r2
   256  r2 = *(u8 *)(r10 -35)
   257  r2 += r1
   258  r2 = *(u8 *)(r2 +768)
   259  r0 ^= r2
   260  r2 = *(u8 *)(r10 -34)
   261  r2 += r1
   262  r2 = *(u8 *)(r2 +1024)
   263  r0 ^= r2
   264  r2 = *(u8 *)(r10 -33)
   265  r2 += r1
   266  r2 = *(u8 *)(r2 +1280)
   267  r0 ^= r2
   268  r2 = *(u8 *)(r10 -32)
   269  r2 += r1
   270  r2 = *(u8 *)(r2 +1536)
   271  r0 ^= r2
   272  r2 = *(u8 *)(r10 -31)
   273  r2 += r1
   274  r2 = *(u8 *)(r2 +1792)
   275  r0 ^= r2
   276  goto table
ipv6:
   277  if r7 < 54 goto unclassified
   278  r1 = *(u8 *)(r10 -50)
   279  r1 >>= 4
   280  if r1 != 6 goto unclassified
        ; only one tunnel is looked into
   281  r2 = *(u64 *)(r10 -128)
   282  if r2 != 0 goto ipv6_no_tunnel
   283  r9 = r8
   284  r9 += 54
   285  r2 = *(u8 *)(r10 -44)
   286  if r2 == 47 goto ipv6_gre
   287  if r2 == 17 goto ipv6_udp_tunnel
   288  goto ipv6_no_tunnel
ipv6_gre:
   289  r2 = r9
   290  r1 = r6
   291  r3 = r10
   292  r3 += -144
   293  r4 = 4
   294  call skb_load_bytes
   295  if r0 != 0 goto ipv6_no_tunnel
   296  r1 = *(u16 *)(r10 -144)
   297  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   298  r9 += 4
   299  r2 = r1
   300  r2 &= 128
   301  r2 >>= 5
   302  r9 += r2
   303  r2 = r1
   304  r2 &= 32
   305  r2 >>= 3
   306  r9 += r2
   307  r2 = r1
   308  r2 &= 16
   309  r2 >>= 2
   310  r9 += r2
   311  r3 = *(u32 *)(r6 +0)
   312  if r9 > r3 goto ipv6_no_tunnel
   313  r2 = *(u16 *)(r10 -142)
   314  if r2 != 8 goto gre_other
   315  goto inner_ipv4
gre_other:
   316  if r2 != 0xdd86 goto gre_other
   317  goto inner_ipv6
gre_other:
   318  if r2 != 0x5865 goto gre_other
   319  goto inner_ethernet
gre_other:
   320  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   321  if r7 < 58 goto ipv6_no_tunnel
   322  r2 = *(u16 *)(r10 -8)
   323  r9 += 8
   324  if r2 == 0xb512 goto vxlan
   325  if r2 == 0xc117 goto geneve
   326  if r2 == 0xb612 goto vxlan_gpe
   327  if r2 == 0x9212 goto gre_udp
   328  goto ipv6_no_tunnel
gre_udp:
   329  r2 = r9
   330  r1 = r6
   331  r3 = r10
   332  r3 += -144
   333  r4 = 4
   334  call skb_load_bytes
   335  if r0 != 0 goto ipv6_no_tunnel
   336  r1 = *(u16 *)(r10 -144)
   337  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   338  r9 += 4
   339  r2 = r1
   340  r2 &= 128
   341  r2 >>= 5
   342  r9 += r2
   343  r2 = r1
   344  r2 &= 32
   345  r2 >>= 3
   346  r9 += r2
   347  r2 = r1
   348  r2 &= 16
   349  r2 >>= 2
   350  r9 += r2
   351  r3 = *(u32 *)(r6 +0)
   352  if r9 > r3 goto ipv6_no_tunnel
   353  r2 = *(u16 *)(r10 -142)
   354  if r2 != 8 goto gre_other
   355  goto inner_ipv4
gre_other:
   356  if r2 != 0xdd86 goto gre_other
   357  goto inner_ipv6
gre_other:
   358  if r2 != 0x5865 goto gre_other
   359  goto inner_ethernet
gre_other:
   360  goto ipv6_no_tunnel
vxlan:
   361  r2 = r9
   362  r1 = r6
   363  r3 = r10
   364  r3 += -144
   365  r4 = 8
   366  call skb_load_bytes
   367  if r0 != 0 goto ipv6_no_tunnel
   368  r1 = *(u8 *)(r10 -144)
   369  r1 &= 8
   370  if r1 == 0 goto ipv6_no_tunnel
   371  r9 += 8
   372  goto inner_ethernet
vxlan_gpe:
   373  r2 = r9
   374  r1 = r6
   375  r3 = r10
   376  r3 += -144
   377  r4 = 8
   378  call skb_load_bytes
   379  if r0 != 0 goto ipv6_no_tunnel
   380  r1 = *(u8 *)(r10 -144)
   381  r2 = r1
   382  r2 &= 56
   383  if r2 != 8 goto ipv6_no_tunnel
   384  r9 += 8
   385  r1 &= 4
   386  if r1 == 0 goto inner_ethernet
   387  r1 = *(u8 *)(r10 -141)
   388  if r1 == 1 goto inner_ipv4
   389  if r1 == 2 goto inner_ipv6
   390  if r1 == 3 goto inner_ethernet
   391  goto ipv6_no_tunnel
geneve:
   392  r2 = r9
   393  r1 = r6
   394  r3 = r10
   395  r3 += -144
   396  r4 = 8
   397  call skb_load_bytes
   398  if r0 != 0 goto ipv6_no_tunnel
   399  r1 = *(u8 *)(r10 -144)
   400  if r1 & 192 goto ipv6_no_tunnel
   401  r1 &= 63
   402  r1 <<= 2
   403  r9 += r1
   404  r9 += 8
   405  r3 = *(u32 *)(r6 +0)
   406  if r9 > r3 goto ipv6_no_tunnel
   407  r1 = *(u16 *)(r10 -142)
   408  if r1 == 8 goto inner_ipv4
   409  if r1 == 0xdd86 goto inner_ipv6
   410  if r1 == 0x5865 goto inner_ethernet
ipv6_no_tunnel:
   411  r9 = *(u8 *)(r10 -44)
   412  if r9 == 6 goto ipv6_ports
   413  if r9 == 17 goto ipv6_ports
   414  if r9 == 0 goto walk
   415  if r9 == 43 goto walk
   416  if r9 == 44 goto walk
   417  if r9 == 51 goto walk
   418  if r9 == 60 goto walk
   419  if r9 == 135 goto walk
ipv6_only:
   420  r0 = 0
   421  goto ipv6_hash_addresses
ipv6_ports:
   422  if r7 < 58 goto ipv6_only
   423  goto ipv6_hash_ports
walk:
   424  r8 += 54
   425  r7 = 0
walk_header:
   426  if r9 == 44 goto walk_no_ports
   427  if r7 == 11 goto walk_no_ports
   428  r7 += 1
   429  r2 = r8
   430  r1 = r6
   431  r3 = r10
   432  r3 += -68
   433  r4 = 4
   434  call skb_load_bytes
   435  if r0 != 0 goto walk_no_ports
   436  r1 = *(u8 *)(r10 -67)
   437  if r9 == 51 goto walk_authentication
   438  r1 += 1
   439  r1 <<= 3
   440  goto walk_next
walk_authentication:
   441  r1 += 2
   442  r1 <<= 2
walk_next:
   443  r8 += r1
   444  r9 = *(u8 *)(r10 -68)
   445  if r9 == 0 goto walk_header
   446  if r9 == 43 goto walk_header
   447  if r9 == 44 goto walk_header
   448  if r9 == 51 goto walk_header
   449  if r9 == 60 goto walk_header
   450  if r9 == 135 goto walk_header
   451  if r9 != 6 goto other_protocol
   452  r2 = r8
   453  r1 = r6
   454  r3 = r10
   455  r3 += -10
   456  r4 = 4
   457  call skb_load_bytes
   458  if r0 != 0 goto walk_no_ports
   459  goto ipv6_hash_ports
other_protocol:
   460  if r9 != 17 goto other_protocol
   461  r2 = r8
   462  r1 = r6
   463  r3 = r10
   464  r3 += -10
   465  r4 = 4
   466  call skb_load_bytes
   467  if r0 != 0 goto walk_no_ports
   468  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   469  goto ipv6_only
ipv6_hash_ports:
   470  r0 = 0
        ; hash input bytes 32 to 35
   471  r1 = .rodata +8192 ll
   473  r2 = *(u8 *)(r10 -10)
   474  r2 += r1
   475  r2 = *(u8 *)(r2 +0)
   476  r0 ^= r2
   477  r2 = *(u8 *)(r10 -9)
   478  r2 += r1
   479  r2 = *(u8 *)(r2 +256)
   480  r0 ^= r2
   481  r2 = *(u8 *)(r10 -8)
   482  r2 += r1
   483  r2 = *(u8 *)(r2 +512)
   484  r0 ^= r2
   485  r2 = *(u8 *)(r10 -7)
   486  r2 += r1
   487  r2 = *(u8 *)(r2 +768)
   488  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   489  r1 = .rodata +0 ll
   491  r2 = *(u8 *)(r10 -42)
   492  r2 += r1
   493  r2 = *(u8 *)(r2 +0)
   494  r0 ^= r2
   495  r2 = *(u8 *)(r10 -41)
   496  r2 += r1
   497  r2 = *(u8 *)(r2 +256)
   498  r0 ^= r2
   499  r2 = *(u8 *)(r10 -40)
   500  r2 += r1
   501  r2 = *(u8 *)(r2 +512)
   502  r0 ^= r2
   503  r2 = *(u8 *)(r10 -39)
   504  r2 += r1
   505  r2 = *(u8 *)(r2 +768)
   506  r0 ^= r2
   507  r2 = *(u8 *)(r10 -38)
   508  r2 += r1
   509  r2 = *(u8 *)(r2 +1024)
   510  r0 ^= r2
   511  r2 = *(u8 *)(r10 -37)
   512  r2 += r1
   513  r2 = *(u8 *)(r2 +1280)
   514  r0 ^= r2
   515  r2 = *(u8 *)(r10 -36)
   516  r2 += r1
   517  r2 = *(u8 *)(r2 +1536)
   518  r0 ^= r2
   519  r2 = *(u8 *)(r10 -35)
   520  r2 += r1
   521  r2 = *(u8 *)(r2 +1792)
   522  r0 ^= r2
   523  r2 = *(u8 *)(r10 -34)
   524  r2 += r1
   525  r2 = *(u8 *)(r2 +2048)
   526  r0 ^= r2
   527  r2 = *(u8 *)(r10 -33)
   528  r2 += r1
   529  r2 = *(u8 *)(r2 +2304)
   530  r0 ^= r2
   531  r2 = *(u8 *)(r10 -32)
   532  r2 += r1
   533  r2 = *(u8 *)(r2 +2560)
   534  r0 ^= r2
   535  r2 = *(u8 *)(r10 -31)
   536  r2 += r1
   537  r2 = *(u8 *)(r2 +2816)
   538  r0 ^= r2
   539  r2 = *(u8 *)(r10 -30)
   540  r2 += r1
   541  r2 = *(u8 *)(r2 +3072)
   542  r0 ^= r2
   543  r2 = *(u8 *)(r10 -29)
   544  r2 += r1
   545  r2 = *(u8 *)(r2 +3328)
   546  r0 ^= r2
   547  r2 = *(u8 *)(r10 -28)
   548  r2 += r1
   549  r2 = *(u8 *)(r2 +3584)
   550  r0 ^= r2
   551  r2 = *(u8 *)(r10 -27)
   552  r2 += r1
   553  r2 = *(u8 *)(r2 +3840)
   554  r0 ^= r2
   555  r2 = *(u8 *)(r10 -26)
   556  r2 += r1
   557  r2 = *(u8 *)(r2 +4096)
   558  r0 ^= r2
   559  r2 = *(u8 *)(r10 -25)
   560  r2 += r1
   561  r2 = *(u8 *)(r2 +4352)
   562  r0 ^= r2
   563  r2 = *(u8 *)(r10 -24)
   564  r2 += r1
   565  r2 = *(u8 *)(r2 +4608)
   566  r0 ^= r2
   567  r2 = *(u8 *)(r10 -23)
   568  r2 += r1
   569  r2 = *(u8 *)(r2 +4864)
   570  r0 ^= r2
   571  r2 = *(u8 *)(r10 -22)
   572  r2 += r1
   573  r2 = *(u8 *)(r2 +5120)
   574  r0 ^= r2
   575  r2 = *(u8 *)(r10 -21)
   576  r2 += r1
   577  r2 = *(u8 *)(r2 +5376)
   578  r0 ^= r2
   579  r2 = *(u8 *)(r10 -20)
   580  r2 += r1
   581  r2 = *(u8 *)(r2 +5632)
   582  r0 ^= r2
   583  r2 = *(u8 *)(r10 -19)
   584  r2 += r1
   585  r2 = *(u8 *)(r2 +5888)
   586  r0 ^= r2
   587  r2 = *(u8 *)(r10 -18)
   588  r2 += r1
   589  r2 = *(u8 *)(r2 +6144)
   590  r0 ^= r2
   591  r2 = *(u8 *)(r10 -17)
   592  r2 += r1
   593  r2 = *(u8 *)(r2 +6400)
   594  r0 ^= r2
   595  r2 = *(u8 *)(r10 -16)
   596  r2 += r1
   597  r2 = *(u8 *)(r2 +6656)
   598  r0 ^= r2
   599  r2 = *(u8 *)(r10 -15)
   600  r2 += r1
   601  r2 = *(u8 *)(r2 +6912)
   602  r0 ^= r2
   603  r2 = *(u8 *)(r10 -14)
   604  r2 += r1
   605  r2 = *(u8 *)(r2 +7168)
   606  r0 ^= r2
   607  r2 = *(u8 *)(r10 -13)
   608  r2 += r1
   609  r2 = *(u8 *)(r2 +7424)
   610  r0 ^= r2
   611  r2 = *(u8 *)(r10 -12)
   612  r2 += r1
   613  r2 = *(u8 *)(r2 +7680)
   614  r0 ^= r2
   615  r2 = *(u8 *)(r10 -11)
   616  r2 += r1
   617  r2 = *(u8 *)(r2 +7936)
   618  r0 ^= r2
   619  goto table
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   620  r9 += 12
   621  r2 = r9
   622  r1 = r6
   623  r3 = r10
   624  r3 += -144
   625  r4 = 10
   626  call skb_load_bytes
   627  if r0 != 0 goto unclassified
   628  r9 += 2
   629  r1 = *(u16 *)(r10 -144)
   630  if r1 == 8 goto inner_ipv4
   631  if r1 == 0xdd86 goto inner_ipv6
   632  if r1 == 129 goto inner_vlan_tag
   633  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   634  r9 += 4
   635  r1 = *(u16 *)(r10 -140)
   636  if r1 == 8 goto inner_ipv4
   637  if r1 == 0xdd86 goto inner_ipv6
   638  if r1 == 129 goto inner_vlan_tag
   639  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   640  r9 += 4
   641  r1 = *(u16 *)(r10 -136)
   642  if r1 == 8 goto inner_ipv4
   643  if r1 == 0xdd86 goto inner_ipv6
   644  goto unclassified
inner_ipv4:
   645  r1 = 8
   646  *(u64 *)(r10 -128) = r1
   647  goto inner_window
inner_ipv6:
   648  r1 = 0xdd86
   649  *(u64 *)(r10 -128) = r1
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   650  r8 = r9
   651  r8 -= 14
   652  r7 = *(u32 *)(r6 +0)
   653  r7 -= r8
   654  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   655  r1 = r0
   656  r1 &= 127
   657  r1 <<= 1
   658  r2 = .data +80 ll
   660  r2 += r1
   661  r0 = *(u16 *)(r2 +0)
   662  exit
unclassified:
   663  r0 = 0
   664  exit
marked:
   665  if r1 == 0x7255 goto queue_noted
   666  if r1 == 0x7254 goto queue_not_noted
   667  goto unmarked
queue_noted:
   668  r0 = *(u32 *)(r6 +12)
   669  exit
queue_not_noted:
   670  r0 = *(u32 *)(r6 +68)
   671  exit
