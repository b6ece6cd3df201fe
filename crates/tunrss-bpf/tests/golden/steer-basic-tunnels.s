; at most 730 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 720 instructions
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
   224  r1 = .rodata +8192 ll
   226  r2 = *(u8 *)(r10 -30)
   227  r2 <<= 2
   228  r2 += r1
   229  r2 = *(u32 *)(r2 +0)
   230  r0 ^= r2
   231  r2 = *(u8 *)(r10 -29)
   232  r2 <<= 2
   233  r2 += r1
   234  r2 = *(u32 *)(r2 +1024)
   235  r0 ^= r2
   236  r2 = *(u8 *)(r10 -28)
   237  r2 <<= 2
   238  r2 += r1
   239  r2 = *(u32 *)(r2 +2048)
   240  r0 ^= r2
   241  r2 = *(u8 *)(r10 -27)
   242  r2 <<= 2
   243  r2 += r1
   244  r2 = *(u32 *)(r2 +3072)
   245  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
   246  r1 = .rodata +0 ll
   248  r2 = *(u8 *)(r10 -38)
   249  r2 <<= 2
   250  r2 += r1
   251  r2 = *(u32 *)(r2 +0)
   252  r0 ^= r2
   253  r2 = *(u8 *)(r10 -37)
   254  r2 <<= 2
   255  r2 += r1
   256  r2 = *(u32 *)(r2 +1024)
   257  r0 ^= r2
   258  r2 = *(u8 *)(r10 -36)
   259  r2 <<= 2
   260  r2 += r1
   261  r2 = *(u32 *)(r2 +2048)
   262  r0 ^= r2
   263  r2 = *(u8 *)(r10 -35)
   264  r2 <<= 2
   265  r2 += r1
   266  r2 = *(u32 *)(r2 +3072)
   267  r0 ^= r2
   268  r2 = *(u8 *)(r10 -34)
   269  r2 <<= 2
   270  r2 += r1
   271  r2 = *(u32 *)(r2 +4096)
   272  r0 ^= r2
   273  r2 = *(u8 *)(r10 -33)
   274  r2 <<= 2
   275  r2 += r1
   276  r2 = *(u32 *)(r2 +5120)
   277  r0 ^= r2
   278  r2 = *(u8 *)(r10 -32)
   279  r2 <<= 2
   280  r2 += r1
   281  r2 = *(u32 *)(r2 +6144)
   282  r0 ^= r2
   283  r2 = *(u8 *)(r10 -31)
   284  r2 <<= 2
   285  r2 += r1
   286  r2 = *(u32 *)(r2 +7168)
   287  r0 ^= r2
   288  goto table
ipv6:
   289  if r7 < 54 goto unclassified
   290  r1 = *(u8 *)(r10 -50)
   291  r1 >>= 4
   292  if r1 != 6 goto unclassified
        ; only one tunnel is looked into
   293  r2 = *(u64 *)(r10 -128)
   294  if r2 != 0 goto ipv6_no_tunnel
   295  r9 = r8
   296  r9 += 54
   297  r2 = *(u8 *)(r10 -44)
   298  if r2 == 47 goto ipv6_gre
   299  if r2 == 17 goto ipv6_udp_tunnel
   300  goto ipv6_no_tunnel
ipv6_gre:
   301  r2 = r9
   302  r1 = r6
   303  r3 = r10
   304  r3 += -144
   305  r4 = 4
   306  call skb_load_bytes
   307  if r0 != 0 goto ipv6_no_tunnel
   308  r1 = *(u16 *)(r10 -144)
   309  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   310  r9 += 4
   311  r2 = r1
   312  r2 &= 128
   313  r2 >>= 5
   314  r9 += r2
   315  r2 = r1
   316  r2 &= 32
   317  r2 >>= 3
   318  r9 += r2
   319  r2 = r1
   320  r2 &= 16
   321  r2 >>= 2
   322  r9 += r2
   323  r3 = *(u32 *)(r6 +0)
   324  if r9 > r3 goto ipv6_no_tunnel
   325  r2 = *(u16 *)(r10 -142)
   326  if r2 != 8 goto gre_other
   327  goto inner_ipv4
gre_other:
   328  if r2 != 0xdd86 goto gre_other
   329  goto inner_ipv6
gre_other:
   330  if r2 != 0x5865 goto gre_other
   331  goto inner_ethernet
gre_other:
   332  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   333  if r7 < 58 goto ipv6_no_tunnel
   334  r2 = *(u16 *)(r10 -8)
   335  r9 += 8
   336  if r2 == 0xb512 goto vxlan
   337  if r2 == 0xc117 goto geneve
   338  if r2 == 0xb612 goto vxlan_gpe
   339  if r2 == 0x9212 goto gre_udp
   340  goto ipv6_no_tunnel
gre_udp:
   341  r2 = r9
   342  r1 = r6
   343  r3 = r10
   344  r3 += -144
   345  r4 = 4
   346  call skb_load_bytes
   347  if r0 != 0 goto ipv6_no_tunnel
   348  r1 = *(u16 *)(r10 -144)
   349  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   350  r9 += 4
   351  r2 = r1
   352  r2 &= 128
   353  r2 >>= 5
   354  r9 += r2
   355  r2 = r1
   356  r2 &= 32
   357  r2 >>= 3
   358  r9 += r2
   359  r2 = r1
   360  r2 &= 16
   361  r2 >>= 2
   362  r9 += r2
   363  r3 = *(u32 *)(r6 +0)
   364  if r9 > r3 goto ipv6_no_tunnel
   365  r2 = *(u16 *)(r10 -142)
   366  if r2 != 8 goto gre_other
   367  goto inner_ipv4
gre_other:
   368  if r2 != 0xdd86 goto gre_other
   369  goto inner_ipv6
gre_other:
   370  if r2 != 0x5865 goto gre_other
   371  goto inner_ethernet
gre_other:
   372  goto ipv6_no_tunnel
vxlan:
   373  r2 = r9
   374  r1 = r6
   375  r3 = r10
   376  r3 += -144
   377  r4 = 8
   378  call skb_load_bytes
   379  if r0 != 0 goto ipv6_no_tunnel
   380  r1 = *(u8 *)(r10 -144)
   381  r1 &= 8
   382  if r1 == 0 goto ipv6_no_tunnel
   383  r9 += 8
   384  goto inner_ethernet
vxlan_gpe:
   385  r2 = r9
   386  r1 = r6
   387  r3 = r10
   388  r3 += -144
   389  r4 = 8
   390  call skb_load_bytes
   391  if r0 != 0 goto ipv6_no_tunnel
   392  r1 = *(u8 *)(r10 -144)
   393  r2 = r1
   394  r2 &= 56
   395  if r2 != 8 goto ipv6_no_tunnel
   396  r9 += 8
   397  r1 &= 4
   398  if r1 == 0 goto inner_ethernet
   399  r1 = *(u8 *)(r10 -141)
   400  if r1 == 1 goto inner_ipv4
   401  if r1 == 2 goto inner_ipv6
   402  if r1 == 3 goto inner_ethernet
   403  goto ipv6_no_tunnel
geneve:
   404  r2 = r9
   405  r1 = r6
   406  r3 = r10
   407  r3 += -144
   408  r4 = 8
   409  call skb_load_bytes
   410  if r0 != 0 goto ipv6_no_tunnel
   411  r1 = *(u8 *)(r10 -144)
   412  if r1 & 192 goto ipv6_no_tunnel
   413  r1 &= 63
   414  r1 <<= 2
   415  r9 += r1
   416  r9 += 8
   417  r3 = *(u32 *)(r6 +0)
   418  if r9 > r3 goto ipv6_no_tunnel
   419  r1 = *(u16 *)(r10 -142)
   420  if r1 == 8 goto inner_ipv4
   421  if r1 == 0xdd86 goto inner_ipv6
   422  if r1 == 0x5865 goto inner_ethernet
ipv6_no_tunnel:
   423  r9 = *(u8 *)(r10 -44)
   424  if r9 == 6 goto ipv6_ports
   425  if r9 == 17 goto ipv6_ports
   426  if r9 == 0 goto walk
   427  if r9 == 43 goto walk
   428  if r9 == 44 goto walk
   429  if r9 == 51 goto walk
   430  if r9 == 60 goto walk
   431  if r9 == 135 goto walk
ipv6_only:
   432  r0 = 0
   433  goto ipv6_hash_addresses
ipv6_ports:
   434  if r7 < 58 goto ipv6_only
   435  goto ipv6_hash_ports
walk:
   436  r8 += 54
   437  r7 = 0
walk_header:
   438  if r9 == 44 goto walk_no_ports
   439  if r7 == 11 goto walk_no_ports
   440  r7 += 1
   441  r2 = r8
   442  r1 = r6
   443  r3 = r10
   444  r3 += -68
   445  r4 = 4
   446  call skb_load_bytes
   447  if r0 != 0 goto walk_no_ports
   448  r1 = *(u8 *)(r10 -67)
   449  if r9 == 51 goto walk_authentication
   450  r1 += 1
   451  r1 <<= 3
   452  goto walk_next
walk_authentication:
   453  r1 += 2
   454  r1 <<= 2
walk_next:
   455  r8 += r1
   456  r9 = *(u8 *)(r10 -68)
   457  if r9 == 0 goto walk_header
   458  if r9 == 43 goto walk_header
   459  if r9 == 44 goto walk_header
   460  if r9 == 51 goto walk_header
   461  if r9 == 60 goto walk_header
   462  if r9 == 135 goto walk_header
   463  if r9 != 6 goto other_protocol
   464  r2 = r8
   465  r1 = r6
   466  r3 = r10
   467  r3 += -10
   468  r4 = 4
   469  call skb_load_bytes
   470  if r0 != 0 goto walk_no_ports
   471  goto ipv6_hash_ports
other_protocol:
   472  if r9 != 17 goto other_protocol
   473  r2 = r8
   474  r1 = r6
   475  r3 = r10
   476  r3 += -10
   477  r4 = 4
   478  call skb_load_bytes
   479  if r0 != 0 goto walk_no_ports
   480  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   481  goto ipv6_only
ipv6_hash_ports:
   482  r0 = 0
        ; hash input bytes 32 to 35
   483  r1 = .rodata +32768 ll
   485  r2 = *(u8 *)(r10 -10)
   486  r2 <<= 2
   487  r2 += r1
   488  r2 = *(u32 *)(r2 +0)
   489  r0 ^= r2
   490  r2 = *(u8 *)(r10 -9)
   491  r2 <<= 2
   492  r2 += r1
   493  r2 = *(u32 *)(r2 +1024)
   494  r0 ^= r2
   495  r2 = *(u8 *)(r10 -8)
   496  r2 <<= 2
   497  r2 += r1
   498  r2 = *(u32 *)(r2 +2048)
   499  r0 ^= r2
   500  r2 = *(u8 *)(r10 -7)
   501  r2 <<= 2
   502  r2 += r1
   503  r2 = *(u32 *)(r2 +3072)
   504  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   505  r1 = .rodata +0 ll
   507  r2 = *(u8 *)(r10 -42)
   508  r2 <<= 2
   509  r2 += r1
   510  r2 = *(u32 *)(r2 +0)
   511  r0 ^= r2
   512  r2 = *(u8 *)(r10 -41)
   513  r2 <<= 2
   514  r2 += r1
   515  r2 = *(u32 *)(r2 +1024)
   516  r0 ^= r2
   517  r2 = *(u8 *)(r10 -40)
   518  r2 <<= 2
   519  r2 += r1
   520  r2 = *(u32 *)(r2 +2048)
   521  r0 ^= r2
   522  r2 = *(u8 *)(r10 -39)
   523  r2 <<= 2
   524  r2 += r1
   525  r2 = *(u32 *)(r2 +3072)
   526  r0 ^= r2
   527  r2 = *(u8 *)(r10 -38)
   528  r2 <<= 2
   529  r2 += r1
   530  r2 = *(u32 *)(r2 +4096)
   531  r0 ^= r2
   532  r2 = *(u8 *)(r10 -37)
   533  r2 <<= 2
   534  r2 += r1
   535  r2 = *(u32 *)(r2 +5120)
   536  r0 ^= r2
   537  r2 = *(u8 *)(r10 -36)
   538  r2 <<= 2
   539  r2 += r1
   540  r2 = *(u32 *)(r2 +6144)
   541  r0 ^= r2
   542  r2 = *(u8 *)(r10 -35)
   543  r2 <<= 2
   544  r2 += r1
   545  r2 = *(u32 *)(r2 +7168)
   546  r0 ^= r2
   547  r2 = *(u8 *)(r10 -34)
   548  r2 <<= 2
   549  r2 += r1
   550  r2 = *(u32 *)(r2 +8192)
   551  r0 ^= r2
   552  r2 = *(u8 *)(r10 -33)
   553  r2 <<= 2
   554  r2 += r1
   555  r2 = *(u32 *)(r2 +9216)
   556  r0 ^= r2
   557  r2 = *(u8 *)(r10 -32)
   558  r2 <<= 2
   559  r2 += r1
   560  r2 = *(u32 *)(r2 +10240)
   561  r0 ^= r2
   562  r2 = *(u8 *)(r10 -31)
   563  r2 <<= 2
   564  r2 += r1
   565  r2 = *(u32 *)(r2 +11264)
   566  r0 ^= r2
   567  r2 = *(u8 *)(r10 -30)
   568  r2 <<= 2
   569  r2 += r1
   570  r2 = *(u32 *)(r2 +12288)
   571  r0 ^= r2
   572  r2 = *(u8 *)(r10 -29)
   573  r2 <<= 2
   574  r2 += r1
   575  r2 = *(u32 *)(r2 +13312)
   576  r0 ^= r2
   577  r2 = *(u8 *)(r10 -28)
   578  r2 <<= 2
   579  r2 += r1
   580  r2 = *(u32 *)(r2 +14336)
   581  r0 ^= r2
   582  r2 = *(u8 *)(r10 -27)
   583  r2 <<= 2
   584  r2 += r1
   585  r2 = *(u32 *)(r2 +15360)
   586  r0 ^= r2
   587  r2 = *(u8 *)(r10 -26)
   588  r2 <<= 2
   589  r2 += r1
   590  r2 = *(u32 *)(r2 +16384)
   591  r0 ^= r2
   592  r2 = *(u8 *)(r10 -25)
   593  r2 <<= 2
   594  r2 += r1
   595  r2 = *(u32 *)(r2 +17408)
   596  r0 ^= r2
   597  r2 = *(u8 *)(r10 -24)
   598  r2 <<= 2
   599  r2 += r1
   600  r2 = *(u32 *)(r2 +18432)
   601  r0 ^= r2
   602  r2 = *(u8 *)(r10 -23)
   603  r2 <<= 2
   604  r2 += r1
   605  r2 = *(u32 *)(r2 +19456)
   606  r0 ^= r2
   607  r2 = *(u8 *)(r10 -22)
   608  r2 <<= 2
   609  r2 += r1
   610  r2 = *(u32 *)(r2 +20480)
   611  r0 ^= r2
   612  r2 = *(u8 *)(r10 -21)
   613  r2 <<= 2
   614  r2 += r1
   615  r2 = *(u32 *)(r2 +21504)
   616  r0 ^= r2
   617  r2 = *(u8 *)(r10 -20)
   618  r2 <<= 2
   619  r2 += r1
   620  r2 = *(u32 *)(r2 +22528)
   621  r0 ^= r2
   622  r2 = *(u8 *)(r10 -19)
   623  r2 <<= 2
   624  r2 += r1
   625  r2 = *(u32 *)(r2 +23552)
   626  r0 ^= r2
   627  r2 = *(u8 *)(r10 -18)
   628  r2 <<= 2
   629  r2 += r1
   630  r2 = *(u32 *)(r2 +24576)
   631  r0 ^= r2
   632  r2 = *(u8 *)(r10 -17)
   633  r2 <<= 2
   634  r2 += r1
   635  r2 = *(u32 *)(r2 +25600)
   636  r0 ^= r2
   637  r2 = *(u8 *)(r10 -16)
   638  r2 <<= 2
   639  r2 += r1
   640  r2 = *(u32 *)(r2 +26624)
   641  r0 ^= r2
   642  r2 = *(u8 *)(r10 -15)
   643  r2 <<= 2
   644  r2 += r1
   645  r2 = *(u32 *)(r2 +27648)
   646  r0 ^= r2
   647  r2 = *(u8 *)(r10 -14)
   648  r2 <<= 2
   649  r2 += r1
   650  r2 = *(u32 *)(r2 +28672)
   651  r0 ^= r2
   652  r2 = *(u8 *)(r10 -13)
   653  r2 <<= 2
   654  r2 += r1
   655  r2 = *(u32 *)(r2 +29696)
   656  r0 ^= r2
   657  r2 = *(u8 *)(r10 -12)
   658  r2 <<= 2
   659  r2 += r1
   660  r2 = *(u32 *)(r2 +30720)
   661  r0 ^= r2
   662  r2 = *(u8 *)(r10 -11)
   663  r2 <<= 2
   664  r2 += r1
   665  r2 = *(u32 *)(r2 +31744)
   666  r0 ^= r2
   667  goto table
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   668  r9 += 12
   669  r2 = r9
   670  r1 = r6
   671  r3 = r10
   672  r3 += -144
   673  r4 = 10
   674  call skb_load_bytes
   675  if r0 != 0 goto unclassified
   676  r9 += 2
   677  r1 = *(u16 *)(r10 -144)
   678  if r1 == 8 goto inner_ipv4
   679  if r1 == 0xdd86 goto inner_ipv6
   680  if r1 == 129 goto inner_vlan_tag
   681  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   682  r9 += 4
   683  r1 = *(u16 *)(r10 -140)
   684  if r1 == 8 goto inner_ipv4
   685  if r1 == 0xdd86 goto inner_ipv6
   686  if r1 == 129 goto inner_vlan_tag
   687  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   688  r9 += 4
   689  r1 = *(u16 *)(r10 -136)
   690  if r1 == 8 goto inner_ipv4
   691  if r1 == 0xdd86 goto inner_ipv6
   692  goto unclassified
inner_ipv4:
   693  r1 = 8
   694  *(u64 *)(r10 -128) = r1
   695  goto inner_window
inner_ipv6:
   696  r1 = 0xdd86
   697  *(u64 *)(r10 -128) = r1
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   698  r8 = r9
   699  r8 -= 14
   700  r7 = *(u32 *)(r6 +0)
   701  r7 -= r8
   702  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   703  r1 = r0
   704  r1 &= 127
   705  r1 <<= 1
   706  r2 = .data +80 ll
   708  r2 += r1
   709  r0 = *(u16 *)(r2 +0)
   710  exit
unclassified:
   711  r0 = 0
   712  exit
marked:
   713  if r1 == 0x7255 goto queue_noted
   714  if r1 == 0x7254 goto queue_not_noted
   715  goto unmarked
queue_noted:
   716  r0 = *(u32 *)(r6 +12)
   717  exit
queue_not_noted:
   718  r0 = *(u32 *)(r6 +68)
   719  exit
