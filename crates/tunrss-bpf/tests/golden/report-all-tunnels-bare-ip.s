; at most 920 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_report (SCHED_CLS), 895 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
        ; tunnel types: gre,gre-2890,gre-7676,gre-udp,vxlan,vxlan-gpe,geneve,ipip,nvgre
        ; hash input: symmetric-or-xor
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
     3  *(u64 *)(r10 -136) = 0
window:
     4  if r7 >= 44 goto load_full
        ; too short for any IP header
     5  if r7 < 20 goto unclassified
        ; a short packet: what there is
     6  *(u64 *)(r10 -72) = 0
     7  *(u64 *)(r10 -64) = 0
     8  *(u64 *)(r10 -56) = 0
     9  *(u64 *)(r10 -48) = 0
    10  *(u64 *)(r10 -40) = 0
    11  *(u64 *)(r10 -32) = 0
    12  r2 = r8
    13  r1 = r6
    14  r3 = r10
    15  r3 += -72
    16  r4 = r7
    17  call skb_load_bytes
    18  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    19  r2 = r8
    20  r1 = r6
    21  r3 = r10
    22  r3 += -72
    23  r4 = 44
    24  call skb_load_bytes
loaded:
        ; IP version
    25  r1 = *(u8 *)(r10 -72)
    26  r1 >>= 4
    27  r2 = *(u64 *)(r10 -136)
    28  if r2 == 0 goto dispatch
    29  if r1 != r2 goto unclassified
dispatch:
    30  if r1 == 4 goto ipv4
    31  if r1 == 6 goto ipv6
    32  goto unclassified
ipv4:
    33  r1 = *(u8 *)(r10 -72)
        ; only one tunnel is looked into
    34  r2 = *(u64 *)(r10 -136)
    35  if r2 != 0 goto ipv4_no_tunnel
    36  r9 = r8
    37  r2 = *(u16 *)(r10 -66)
    38  if r2 & 0xff3f goto ipv4_no_tunnel
    39  r1 = *(u8 *)(r10 -72)
    40  r2 = r1
    41  r2 &= 15
    42  if r2 < 5 goto ipv4_no_tunnel
    43  r2 <<= 2
    44  r9 += r2
    45  r9 += 0
    46  r2 = *(u8 *)(r10 -63)
    47  if r2 == 47 goto ipv4_gre
    48  if r2 == 17 goto ipv4_udp_tunnel
    49  if r2 != 4 goto ipv4_no_tunnel
    50  r3 = *(u32 *)(r6 +0)
    51  if r9 > r3 goto ipv4_no_tunnel
    52  goto inner_ipv4
ipv4_gre:
    53  r2 = r9
    54  r1 = r6
    55  r3 = r10
    56  r3 += -152
    57  r4 = 4
    58  call skb_load_bytes
    59  if r0 != 0 goto ipv4_no_tunnel
    60  r1 = *(u16 *)(r10 -152)
    61  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
    62  r9 += 4
    63  r2 = r1
    64  r2 &= 128
    65  r2 >>= 5
    66  r9 += r2
    67  r2 = r1
    68  r2 &= 32
    69  r2 >>= 3
    70  r9 += r2
    71  r2 = r1
    72  r2 &= 16
    73  r2 >>= 2
    74  r9 += r2
    75  r3 = *(u32 *)(r6 +0)
    76  if r9 > r3 goto ipv4_no_tunnel
    77  r2 = *(u16 *)(r10 -150)
    78  if r2 != 8 goto gre_other
    79  goto inner_ipv4
gre_other:
    80  if r2 != 0xdd86 goto gre_other
    81  goto inner_ipv6
gre_other:
    82  if r2 != 0x5865 goto gre_other
    83  goto inner_ethernet
gre_other:
    84  goto ipv4_no_tunnel
ipv4_udp_tunnel:
    85  r1 &= 15
    86  if r1 != 5 goto udp_options
    87  if r7 < 24 goto ipv4_no_tunnel
udp_port:
    88  r2 = *(u16 *)(r10 -50)
    89  r9 += 8
    90  if r2 == 0xb512 goto vxlan
    91  if r2 == 0xc117 goto geneve
    92  if r2 == 0xb612 goto vxlan_gpe
    93  if r2 == 0x9212 goto gre_udp
    94  goto ipv4_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
    95  r2 = r9
    96  r1 = r6
    97  r3 = r10
    98  r3 += -52
    99  r4 = 4
   100  call skb_load_bytes
   101  if r0 != 0 goto ipv4_no_tunnel
   102  goto udp_port
gre_udp:
   103  r2 = r9
   104  r1 = r6
   105  r3 = r10
   106  r3 += -152
   107  r4 = 4
   108  call skb_load_bytes
   109  if r0 != 0 goto ipv4_no_tunnel
   110  r1 = *(u16 *)(r10 -152)
   111  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   112  r9 += 4
   113  r2 = r1
   114  r2 &= 128
   115  r2 >>= 5
   116  r9 += r2
   117  r2 = r1
   118  r2 &= 32
   119  r2 >>= 3
   120  r9 += r2
   121  r2 = r1
   122  r2 &= 16
   123  r2 >>= 2
   124  r9 += r2
   125  r3 = *(u32 *)(r6 +0)
   126  if r9 > r3 goto ipv4_no_tunnel
   127  r2 = *(u16 *)(r10 -150)
   128  if r2 != 8 goto gre_other
   129  goto inner_ipv4
gre_other:
   130  if r2 != 0xdd86 goto gre_other
   131  goto inner_ipv6
gre_other:
   132  if r2 != 0x5865 goto gre_other
   133  goto inner_ethernet
gre_other:
   134  goto ipv4_no_tunnel
vxlan:
   135  r2 = r9
   136  r1 = r6
   137  r3 = r10
   138  r3 += -152
   139  r4 = 8
   140  call skb_load_bytes
   141  if r0 != 0 goto ipv4_no_tunnel
   142  r1 = *(u8 *)(r10 -152)
   143  r1 &= 8
   144  if r1 == 0 goto ipv4_no_tunnel
   145  r9 += 8
   146  goto inner_ethernet
vxlan_gpe:
   147  r2 = r9
   148  r1 = r6
   149  r3 = r10
   150  r3 += -152
   151  r4 = 8
   152  call skb_load_bytes
   153  if r0 != 0 goto ipv4_no_tunnel
   154  r1 = *(u8 *)(r10 -152)
   155  r2 = r1
   156  r2 &= 56
   157  if r2 != 8 goto ipv4_no_tunnel
   158  r9 += 8
   159  r1 &= 4
   160  if r1 == 0 goto inner_ethernet
   161  r1 = *(u8 *)(r10 -149)
   162  if r1 == 1 goto inner_ipv4
   163  if r1 == 2 goto inner_ipv6
   164  if r1 == 3 goto inner_ethernet
   165  goto ipv4_no_tunnel
geneve:
   166  r2 = r9
   167  r1 = r6
   168  r3 = r10
   169  r3 += -152
   170  r4 = 8
   171  call skb_load_bytes
   172  if r0 != 0 goto ipv4_no_tunnel
   173  r1 = *(u8 *)(r10 -152)
   174  if r1 & 192 goto ipv4_no_tunnel
   175  r1 &= 63
   176  r1 <<= 2
   177  r9 += r1
   178  r9 += 8
   179  r3 = *(u32 *)(r6 +0)
   180  if r9 > r3 goto ipv4_no_tunnel
   181  r1 = *(u16 *)(r10 -150)
   182  if r1 == 8 goto inner_ipv4
   183  if r1 == 0xdd86 goto inner_ipv6
   184  if r1 == 0x5865 goto inner_ethernet
ipv4_no_tunnel:
   185  r1 = *(u8 *)(r10 -72)
        ; a fragment has no ports
   186  r2 = *(u16 *)(r10 -66)
   187  if r2 & 0xff3f goto ipv4_only
   188  r2 = *(u8 *)(r10 -63)
   189  if r2 == 6 goto ipv4_tcp
   190  if r2 == 17 goto ipv4_udp
ipv4_only:
   191  r9 = 1
   192  r0 = 0
   193  goto ipv4_hash_addresses
ipv4_tcp:
   194  r9 = 2
   195  goto ipv4_ports
ipv4_udp:
   196  r9 = 3
ipv4_ports:
   197  if r1 != 69 goto ipv4_options
   198  if r7 < 24 goto ipv4_only
   199  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
   200  r2 = r1
   201  r2 &= 15
   202  if r2 < 5 goto ipv4_only
   203  r2 <<= 2
   204  r2 += r8
   205  r2 += 0
   206  r1 = r6
   207  r3 = r10
   208  r3 += -52
   209  r4 = 4
   210  call skb_load_bytes
   211  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
        ; symmetric-or-xor of 2 bytes
   212  r1 = *(u16 *)(r10 -52)
   213  r2 = *(u16 *)(r10 -50)
   214  r3 = r1
   215  r1 |= r2
   216  r2 ^= r3
   217  *(u16 *)(r10 -52) = r1
   218  *(u16 *)(r10 -50) = r2
   219  r0 = 0
        ; hash input bytes 8 to 11
   220  r1 = .rodata +8192 ll
   222  r2 = *(u8 *)(r10 -52)
   223  r2 <<= 2
   224  r2 += r1
   225  r2 = *(u32 *)(r2 +0)
   226  r0 ^= r2
   227  r2 = *(u8 *)(r10 -51)
   228  r2 <<= 2
   229  r2 += r1
   230  r2 = *(u32 *)(r2 +1024)
   231  r0 ^= r2
   232  r2 = *(u8 *)(r10 -50)
   233  r2 <<= 2
   234  r2 += r1
   235  r2 = *(u32 *)(r2 +2048)
   236  r0 ^= r2
   237  r2 = *(u8 *)(r10 -49)
   238  r2 <<= 2
   239  r2 += r1
   240  r2 = *(u32 *)(r2 +3072)
   241  r0 ^= r2
ipv4_hash_addresses:
        ; symmetric-or-xor of 4 bytes
   242  r1 = *(u16 *)(r10 -60)
   243  r2 = *(u16 *)(r10 -56)
   244  r3 = r1
   245  r1 |= r2
   246  r2 ^= r3
   247  *(u16 *)(r10 -60) = r1
   248  *(u16 *)(r10 -56) = r2
   249  r1 = *(u16 *)(r10 -58)
   250  r2 = *(u16 *)(r10 -54)
   251  r3 = r1
   252  r1 |= r2
   253  r2 ^= r3
   254  *(u16 *)(r10 -58) = r1
   255  *(u16 *)(r10 -54) = r2
        ; hash input bytes 0 to 7
   256  r1 = .rodata +0 ll
   258  r2 = *(u8 *)(r10 -60)
   259  r2 <<= 2
   260  r2 += r1
   261  r2 = *(u32 *)(r2 +0)
   262  r0 ^= r2
   263  r2 = *(u8 *)(r10 -59)
   264  r2 <<= 2
   265  r2 += r1
   266  r2 = *(u32 *)(r2 +1024)
   267  r0 ^= r2
   268  r2 = *(u8 *)(r10 -58)
   269  r2 <<= 2
   270  r2 += r1
   271  r2 = *(u32 *)(r2 +2048)
   272  r0 ^= r2
   273  r2 = *(u8 *)(r10 -57)
   274  r2 <<= 2
   275  r2 += r1
   276  r2 = *(u32 *)(r2 +3072)
   277  r0 ^= r2
   278  r2 = *(u8 *)(r10 -56)
   279  r2 <<= 2
   280  r2 += r1
   281  r2 = *(u32 *)(r2 +4096)
   282  r0 ^= r2
   283  r2 = *(u8 *)(r10 -55)
   284  r2 <<= 2
   285  r2 += r1
   286  r2 = *(u32 *)(r2 +5120)
   287  r0 ^= r2
   288  r2 = *(u8 *)(r10 -54)
   289  r2 <<= 2
   290  r2 += r1
   291  r2 = *(u32 *)(r2 +6144)
   292  r0 ^= r2
   293  r2 = *(u8 *)(r10 -53)
   294  r2 <<= 2
   295  r2 += r1
   296  r2 = *(u32 *)(r2 +7168)
   297  r0 ^= r2
   298  goto table
ipv6:
   299  if r7 < 40 goto unclassified
        ; only one tunnel is looked into
   300  r2 = *(u64 *)(r10 -136)
   301  if r2 != 0 goto ipv6_no_tunnel
   302  r9 = r8
   303  r9 += 40
   304  r2 = *(u8 *)(r10 -66)
   305  if r2 == 47 goto ipv6_gre
   306  if r2 == 17 goto ipv6_udp_tunnel
   307  goto ipv6_no_tunnel
ipv6_gre:
   308  r2 = r9
   309  r1 = r6
   310  r3 = r10
   311  r3 += -152
   312  r4 = 4
   313  call skb_load_bytes
   314  if r0 != 0 goto ipv6_no_tunnel
   315  r1 = *(u16 *)(r10 -152)
   316  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   317  r9 += 4
   318  r2 = r1
   319  r2 &= 128
   320  r2 >>= 5
   321  r9 += r2
   322  r2 = r1
   323  r2 &= 32
   324  r2 >>= 3
   325  r9 += r2
   326  r2 = r1
   327  r2 &= 16
   328  r2 >>= 2
   329  r9 += r2
   330  r3 = *(u32 *)(r6 +0)
   331  if r9 > r3 goto ipv6_no_tunnel
   332  r2 = *(u16 *)(r10 -150)
   333  if r2 != 8 goto gre_other
   334  goto inner_ipv4
gre_other:
   335  if r2 != 0xdd86 goto gre_other
   336  goto inner_ipv6
gre_other:
   337  if r2 != 0x5865 goto gre_other
   338  goto inner_ethernet
gre_other:
   339  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   340  if r7 < 44 goto ipv6_no_tunnel
   341  r2 = *(u16 *)(r10 -30)
   342  r9 += 8
   343  if r2 == 0xb512 goto vxlan
   344  if r2 == 0xc117 goto geneve
   345  if r2 == 0xb612 goto vxlan_gpe
   346  if r2 == 0x9212 goto gre_udp
   347  goto ipv6_no_tunnel
gre_udp:
   348  r2 = r9
   349  r1 = r6
   350  r3 = r10
   351  r3 += -152
   352  r4 = 4
   353  call skb_load_bytes
   354  if r0 != 0 goto ipv6_no_tunnel
   355  r1 = *(u16 *)(r10 -152)
   356  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   357  r9 += 4
   358  r2 = r1
   359  r2 &= 128
   360  r2 >>= 5
   361  r9 += r2
   362  r2 = r1
   363  r2 &= 32
   364  r2 >>= 3
   365  r9 += r2
   366  r2 = r1
   367  r2 &= 16
   368  r2 >>= 2
   369  r9 += r2
   370  r3 = *(u32 *)(r6 +0)
   371  if r9 > r3 goto ipv6_no_tunnel
   372  r2 = *(u16 *)(r10 -150)
   373  if r2 != 8 goto gre_other
   374  goto inner_ipv4
gre_other:
   375  if r2 != 0xdd86 goto gre_other
   376  goto inner_ipv6
gre_other:
   377  if r2 != 0x5865 goto gre_other
   378  goto inner_ethernet
gre_other:
   379  goto ipv6_no_tunnel
vxlan:
   380  r2 = r9
   381  r1 = r6
   382  r3 = r10
   383  r3 += -152
   384  r4 = 8
   385  call skb_load_bytes
   386  if r0 != 0 goto ipv6_no_tunnel
   387  r1 = *(u8 *)(r10 -152)
   388  r1 &= 8
   389  if r1 == 0 goto ipv6_no_tunnel
   390  r9 += 8
   391  goto inner_ethernet
vxlan_gpe:
   392  r2 = r9
   393  r1 = r6
   394  r3 = r10
   395  r3 += -152
   396  r4 = 8
   397  call skb_load_bytes
   398  if r0 != 0 goto ipv6_no_tunnel
   399  r1 = *(u8 *)(r10 -152)
   400  r2 = r1
   401  r2 &= 56
   402  if r2 != 8 goto ipv6_no_tunnel
   403  r9 += 8
   404  r1 &= 4
   405  if r1 == 0 goto inner_ethernet
   406  r1 = *(u8 *)(r10 -149)
   407  if r1 == 1 goto inner_ipv4
   408  if r1 == 2 goto inner_ipv6
   409  if r1 == 3 goto inner_ethernet
   410  goto ipv6_no_tunnel
geneve:
   411  r2 = r9
   412  r1 = r6
   413  r3 = r10
   414  r3 += -152
   415  r4 = 8
   416  call skb_load_bytes
   417  if r0 != 0 goto ipv6_no_tunnel
   418  r1 = *(u8 *)(r10 -152)
   419  if r1 & 192 goto ipv6_no_tunnel
   420  r1 &= 63
   421  r1 <<= 2
   422  r9 += r1
   423  r9 += 8
   424  r3 = *(u32 *)(r6 +0)
   425  if r9 > r3 goto ipv6_no_tunnel
   426  r1 = *(u16 *)(r10 -150)
   427  if r1 == 8 goto inner_ipv4
   428  if r1 == 0xdd86 goto inner_ipv6
   429  if r1 == 0x5865 goto inner_ethernet
ipv6_no_tunnel:
   430  r1 = *(u8 *)(r10 -66)
   431  if r1 == 6 goto ipv6_tcp
   432  if r1 == 17 goto ipv6_udp
   433  if r1 == 0 goto walk
   434  if r1 == 43 goto walk
   435  if r1 == 44 goto walk
   436  if r1 == 51 goto walk
   437  if r1 == 60 goto walk
   438  if r1 == 135 goto walk
ipv6_only:
   439  r9 = 4
   440  r0 = 0
   441  goto ipv6_hash_addresses
ipv6_tcp:
   442  r9 = 5
   443  goto ipv6_ports
ipv6_udp:
   444  r9 = 6
ipv6_ports:
   445  if r7 < 44 goto ipv6_only
   446  goto ipv6_hash_ports
walk:
   447  r8 += 40
   448  r9 = *(u8 *)(r10 -66)
   449  r7 = 0
        ; no address yet
   450  r1 = *(u32 *)(r6 +0)
   451  *(u64 *)(r10 -88) = r1
   452  *(u64 *)(r10 -96) = r1
walk_header:
   453  if r9 == 44 goto walk_no_ports
   454  if r7 == 11 goto walk_no_ports
   455  r7 += 1
   456  r2 = r8
   457  r1 = r6
   458  r3 = r10
   459  r3 += -76
   460  r4 = 4
   461  call skb_load_bytes
   462  if r0 != 0 goto walk_no_ports
   463  if r9 == 43 goto walk_routing
   464  if r9 == 60 goto walk_destination
walk_advance:
   465  r1 = *(u8 *)(r10 -75)
   466  if r9 == 51 goto walk_authentication
   467  r1 += 1
   468  r1 <<= 3
   469  goto walk_next
walk_authentication:
   470  r1 += 2
   471  r1 <<= 2
walk_next:
   472  r8 += r1
   473  r9 = *(u8 *)(r10 -76)
   474  r1 = *(u8 *)(r10 -76)
   475  if r1 == 0 goto walk_header
   476  if r1 == 43 goto walk_header
   477  if r1 == 44 goto walk_header
   478  if r1 == 51 goto walk_header
   479  if r1 == 60 goto walk_header
   480  if r1 == 135 goto walk_header
   481  if r9 != 6 goto other_protocol
   482  r2 = r8
   483  r1 = r6
   484  r3 = r10
   485  r3 += -32
   486  r4 = 4
   487  call skb_load_bytes
   488  if r0 != 0 goto walk_no_ports
   489  r9 = 8
   490  r7 = 1
   491  goto substitute
other_protocol:
   492  if r9 != 17 goto other_protocol
   493  r2 = r8
   494  r1 = r6
   495  r3 = r10
   496  r3 += -32
   497  r4 = 4
   498  call skb_load_bytes
   499  if r0 != 0 goto walk_no_ports
   500  r9 = 9
   501  r7 = 1
   502  goto substitute
other_protocol:
walk_no_ports:
   503  r9 = 7
   504  r7 = 0
substitute:
   505  r2 = *(u64 *)(r10 -88)
   506  r1 = *(u32 *)(r6 +0)
   507  if r2 == r1 goto source_kept
   508  r1 = r6
   509  r3 = r10
   510  r3 += -64
   511  r4 = 16
   512  call skb_load_bytes
source_kept:
   513  r2 = *(u64 *)(r10 -96)
   514  r1 = *(u32 *)(r6 +0)
   515  if r2 == r1 goto destination_kept
   516  r1 = r6
   517  r3 = r10
   518  r3 += -48
   519  r4 = 16
   520  call skb_load_bytes
destination_kept:
   521  if r7 != 0 goto ipv6_hash_ports
   522  r0 = 0
   523  goto ipv6_hash_addresses
walk_routing:
   524  r2 = *(u64 *)(r10 -96)
   525  r1 = *(u32 *)(r6 +0)
   526  if r2 != r1 goto walk_advance
        ; length 2, type 2, 1 segment left
   527  r2 = *(u32 *)(r10 -76)
   528  r2 >>= 8
   529  if r2 != 0x10202 goto walk_advance
   530  r2 = r8
   531  r2 += 24
   532  if r2 > r1 goto walk_advance
   533  r2 -= 16
   534  *(u64 *)(r10 -96) = r2
   535  goto walk_advance
walk_destination:
   536  r2 = *(u64 *)(r10 -88)
   537  r1 = *(u32 *)(r6 +0)
   538  if r2 != r1 goto walk_advance
   539  *(u64 *)(r10 -104) = r8
        ; the options end where the header does, or the packet
   540  r2 = *(u8 *)(r10 -75)
   541  r2 += 1
   542  r2 <<= 3
   543  r2 += r8
   544  if r1 > r2 goto options_whole
   545  r2 = r1
options_whole:
   546  *(u64 *)(r10 -112) = r2
   547  r8 += 2
   548  r9 = 30
option:
   549  r1 = *(u64 *)(r10 -112)
   550  if r8 >= r1 goto options_end
        ; zeros, a Pad1, if the packet ends behind the first byte
   551  r2 = r8
   552  r1 = r6
   553  r3 = r10
   554  r3 += -80
   555  r4 = 2
   556  call skb_load_bytes
   557  r1 = *(u16 *)(r10 -80)
   558  if r1 == 0x10c9 goto home_address
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   559  r2 = *(u8 *)(r10 -80)
   560  r3 = 0
   561  r3 -= r2
   562  r3 >>= 63
   563  r1 >>= 8
   564  r1 += 1
   565  r1 *= r3
   566  r8 += r1
   567  r8 += 1
   568  r9 -= 1
   569  if r9 != 0 goto option
options_end:
   570  r8 = *(u64 *)(r10 -104)
   571  r9 = 60
   572  goto walk_advance
home_address:
   573  r8 += 18
   574  r1 = *(u64 *)(r10 -112)
   575  if r8 > r1 goto options_end
   576  r8 -= 16
   577  *(u64 *)(r10 -88) = r8
   578  goto options_end
ipv6_hash_ports:
        ; symmetric-or-xor of 2 bytes
   579  r1 = *(u16 *)(r10 -32)
   580  r2 = *(u16 *)(r10 -30)
   581  r3 = r1
   582  r1 |= r2
   583  r2 ^= r3
   584  *(u16 *)(r10 -32) = r1
   585  *(u16 *)(r10 -30) = r2
   586  r0 = 0
        ; hash input bytes 32 to 35
   587  r1 = .rodata +32768 ll
   589  r2 = *(u8 *)(r10 -32)
   590  r2 <<= 2
   591  r2 += r1
   592  r2 = *(u32 *)(r2 +0)
   593  r0 ^= r2
   594  r2 = *(u8 *)(r10 -31)
   595  r2 <<= 2
   596  r2 += r1
   597  r2 = *(u32 *)(r2 +1024)
   598  r0 ^= r2
   599  r2 = *(u8 *)(r10 -30)
   600  r2 <<= 2
   601  r2 += r1
   602  r2 = *(u32 *)(r2 +2048)
   603  r0 ^= r2
   604  r2 = *(u8 *)(r10 -29)
   605  r2 <<= 2
   606  r2 += r1
   607  r2 = *(u32 *)(r2 +3072)
   608  r0 ^= r2
ipv6_hash_addresses:
        ; symmetric-or-xor of 16 bytes
   609  r1 = *(u16 *)(r10 -64)
   610  r2 = *(u16 *)(r10 -48)
   611  r3 = r1
   612  r1 |= r2
   613  r2 ^= r3
   614  *(u16 *)(r10 -64) = r1
   615  *(u16 *)(r10 -48) = r2
   616  r1 = *(u16 *)(r10 -62)
   617  r2 = *(u16 *)(r10 -46)
   618  r3 = r1
   619  r1 |= r2
   620  r2 ^= r3
   621  *(u16 *)(r10 -62) = r1
   622  *(u16 *)(r10 -46) = r2
   623  r1 = *(u16 *)(r10 -60)
   624  r2 = *(u16 *)(r10 -44)
   625  r3 = r1
   626  r1 |= r2
   627  r2 ^= r3
   628  *(u16 *)(r10 -60) = r1
   629  *(u16 *)(r10 -44) = r2
   630  r1 = *(u16 *)(r10 -58)
   631  r2 = *(u16 *)(r10 -42)
   632  r3 = r1
   633  r1 |= r2
   634  r2 ^= r3
   635  *(u16 *)(r10 -58) = r1
   636  *(u16 *)(r10 -42) = r2
   637  r1 = *(u16 *)(r10 -56)
   638  r2 = *(u16 *)(r10 -40)
   639  r3 = r1
   640  r1 |= r2
   641  r2 ^= r3
   642  *(u16 *)(r10 -56) = r1
   643  *(u16 *)(r10 -40) = r2
   644  r1 = *(u16 *)(r10 -54)
   645  r2 = *(u16 *)(r10 -38)
   646  r3 = r1
   647  r1 |= r2
   648  r2 ^= r3
   649  *(u16 *)(r10 -54) = r1
   650  *(u16 *)(r10 -38) = r2
   651  r1 = *(u16 *)(r10 -52)
   652  r2 = *(u16 *)(r10 -36)
   653  r3 = r1
   654  r1 |= r2
   655  r2 ^= r3
   656  *(u16 *)(r10 -52) = r1
   657  *(u16 *)(r10 -36) = r2
   658  r1 = *(u16 *)(r10 -50)
   659  r2 = *(u16 *)(r10 -34)
   660  r3 = r1
   661  r1 |= r2
   662  r2 ^= r3
   663  *(u16 *)(r10 -50) = r1
   664  *(u16 *)(r10 -34) = r2
        ; hash input bytes 0 to 31
   665  r1 = .rodata +0 ll
   667  r2 = *(u8 *)(r10 -64)
   668  r2 <<= 2
   669  r2 += r1
   670  r2 = *(u32 *)(r2 +0)
   671  r0 ^= r2
   672  r2 = *(u8 *)(r10 -63)
   673  r2 <<= 2
   674  r2 += r1
   675  r2 = *(u32 *)(r2 +1024)
   676  r0 ^= r2
   677  r2 = *(u8 *)(r10 -62)
   678  r2 <<= 2
   679  r2 += r1
   680  r2 = *(u32 *)(r2 +2048)
   681  r0 ^= r2
   682  r2 = *(u8 *)(r10 -61)
   683  r2 <<= 2
   684  r2 += r1
   685  r2 = *(u32 *)(r2 +3072)
   686  r0 ^= r2
   687  r2 = *(u8 *)(r10 -60)
   688  r2 <<= 2
   689  r2 += r1
   690  r2 = *(u32 *)(r2 +4096)
   691  r0 ^= r2
   692  r2 = *(u8 *)(r10 -59)
   693  r2 <<= 2
   694  r2 += r1
   695  r2 = *(u32 *)(r2 +5120)
   696  r0 ^= r2
   697  r2 = *(u8 *)(r10 -58)
   698  r2 <<= 2
   699  r2 += r1
   700  r2 = *(u32 *)(r2 +6144)
   701  r0 ^= r2
   702  r2 = *(u8 *)(r10 -57)
   703  r2 <<= 2
   704  r2 += r1
   705  r2 = *(u32 *)(r2 +7168)
   706  r0 ^= r2
   707  r2 = *(u8 *)(r10 -56)
   708  r2 <<= 2
   709  r2 += r1
   710  r2 = *(u32 *)(r2 +8192)
   711  r0 ^= r2
   712  r2 = *(u8 *)(r10 -55)
   713  r2 <<= 2
   714  r2 += r1
   715  r2 = *(u32 *)(r2 +9216)
   716  r0 ^= r2
   717  r2 = *(u8 *)(r10 -54)
   718  r2 <<= 2
   719  r2 += r1
   720  r2 = *(u32 *)(r2 +10240)
   721  r0 ^= r2
   722  r2 = *(u8 *)(r10 -53)
   723  r2 <<= 2
   724  r2 += r1
   725  r2 = *(u32 *)(r2 +11264)
   726  r0 ^= r2
   727  r2 = *(u8 *)(r10 -52)
   728  r2 <<= 2
   729  r2 += r1
   730  r2 = *(u32 *)(r2 +12288)
   731  r0 ^= r2
   732  r2 = *(u8 *)(r10 -51)
   733  r2 <<= 2
   734  r2 += r1
   735  r2 = *(u32 *)(r2 +13312)
   736  r0 ^= r2
   737  r2 = *(u8 *)(r10 -50)
   738  r2 <<= 2
   739  r2 += r1
   740  r2 = *(u32 *)(r2 +14336)
   741  r0 ^= r2
   742  r2 = *(u8 *)(r10 -49)
   743  r2 <<= 2
   744  r2 += r1
   745  r2 = *(u32 *)(r2 +15360)
   746  r0 ^= r2
   747  r2 = *(u8 *)(r10 -48)
   748  r2 <<= 2
   749  r2 += r1
   750  r2 = *(u32 *)(r2 +16384)
   751  r0 ^= r2
   752  r2 = *(u8 *)(r10 -47)
   753  r2 <<= 2
   754  r2 += r1
   755  r2 = *(u32 *)(r2 +17408)
   756  r0 ^= r2
   757  r2 = *(u8 *)(r10 -46)
   758  r2 <<= 2
   759  r2 += r1
   760  r2 = *(u32 *)(r2 +18432)
   761  r0 ^= r2
   762  r2 = *(u8 *)(r10 -45)
   763  r2 <<= 2
   764  r2 += r1
   765  r2 = *(u32 *)(r2 +19456)
   766  r0 ^= r2
   767  r2 = *(u8 *)(r10 -44)
   768  r2 <<= 2
   769  r2 += r1
   770  r2 = *(u32 *)(r2 +20480)
   771  r0 ^= r2
   772  r2 = *(u8 *)(r10 -43)
   773  r2 <<= 2
   774  r2 += r1
   775  r2 = *(u32 *)(r2 +21504)
   776  r0 ^= r2
   777  r2 = *(u8 *)(r10 -42)
   778  r2 <<= 2
   779  r2 += r1
   780  r2 = *(u32 *)(r2 +22528)
   781  r0 ^= r2
   782  r2 = *(u8 *)(r10 -41)
   783  r2 <<= 2
   784  r2 += r1
   785  r2 = *(u32 *)(r2 +23552)
   786  r0 ^= r2
   787  r2 = *(u8 *)(r10 -40)
   788  r2 <<= 2
   789  r2 += r1
   790  r2 = *(u32 *)(r2 +24576)
   791  r0 ^= r2
   792  r2 = *(u8 *)(r10 -39)
   793  r2 <<= 2
   794  r2 += r1
   795  r2 = *(u32 *)(r2 +25600)
   796  r0 ^= r2
   797  r2 = *(u8 *)(r10 -38)
   798  r2 <<= 2
   799  r2 += r1
   800  r2 = *(u32 *)(r2 +26624)
   801  r0 ^= r2
   802  r2 = *(u8 *)(r10 -37)
   803  r2 <<= 2
   804  r2 += r1
   805  r2 = *(u32 *)(r2 +27648)
   806  r0 ^= r2
   807  r2 = *(u8 *)(r10 -36)
   808  r2 <<= 2
   809  r2 += r1
   810  r2 = *(u32 *)(r2 +28672)
   811  r0 ^= r2
   812  r2 = *(u8 *)(r10 -35)
   813  r2 <<= 2
   814  r2 += r1
   815  r2 = *(u32 *)(r2 +29696)
   816  r0 ^= r2
   817  r2 = *(u8 *)(r10 -34)
   818  r2 <<= 2
   819  r2 += r1
   820  r2 = *(u32 *)(r2 +30720)
   821  r0 ^= r2
   822  r2 = *(u8 *)(r10 -33)
   823  r2 <<= 2
   824  r2 += r1
   825  r2 = *(u32 *)(r2 +31744)
   826  r0 ^= r2
   827  goto table
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   828  r9 += 12
   829  r2 = r9
   830  r1 = r6
   831  r3 = r10
   832  r3 += -152
   833  r4 = 10
   834  call skb_load_bytes
   835  if r0 != 0 goto unclassified
   836  r9 += 2
   837  r1 = *(u16 *)(r10 -152)
   838  if r1 == 8 goto inner_ipv4
   839  if r1 == 0xdd86 goto inner_ipv6
   840  if r1 == 129 goto inner_vlan_tag
   841  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   842  r9 += 4
   843  r1 = *(u16 *)(r10 -148)
   844  if r1 == 8 goto inner_ipv4
   845  if r1 == 0xdd86 goto inner_ipv6
   846  if r1 == 129 goto inner_vlan_tag
   847  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   848  r9 += 4
   849  r1 = *(u16 *)(r10 -144)
   850  if r1 == 8 goto inner_ipv4
   851  if r1 == 0xdd86 goto inner_ipv6
   852  goto unclassified
inner_ipv4:
   853  r1 = 4
   854  *(u64 *)(r10 -136) = r1
   855  goto inner_window
inner_ipv6:
   856  r1 = 6
   857  *(u64 *)(r10 -136) = r1
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   858  r8 = r9
   859  r8 -= 0
   860  r7 = *(u32 *)(r6 +0)
   861  r7 -= r8
   862  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   863  r1 = r0
   864  r1 &= 127
   865  r1 <<= 1
   866  r2 = .data +80 ll
   868  r2 += r1
   869  r7 = *(u16 *)(r2 +0)
   870  r8 = r0
   871  goto emit
unclassified:
   872  r7 = 0
   873  r8 = 0
   874  r9 = 0
emit:
   875  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK
   876  r1 = 0x7255
   877  *(u32 *)(r6 +72) = r1
   878  r1 = r6
   879  r2 = 8
   880  r3 = 0
   881  call skb_change_head
   882  if r0 != 0 goto drop
   883  r1 = *(u32 *)(r6 +76)
   884  r2 = *(u32 *)(r6 +80)
   885  r3 = r1
   886  r3 += 8
   887  if r3 > r2 goto drop
   888  *(u32 *)(r1 +0) = r8
   889  *(u16 *)(r1 +4) = r9
   890  *(u16 *)(r1 +6) = -1
   891  r0 = 0
   892  exit
drop:
   893  r0 = 2
   894  exit

; tunrss_queue (SOCKET_FILTER), 9 instructions
     0  r2 = *(u32 *)(r1 +44)
     1  if r2 != 0x7255 goto queue_not_noted
     2  r0 = *(u32 *)(r1 +12)
     3  exit
queue_not_noted:
     4  if r2 == 0x7256 goto queue_last
     5  r0 = *(u32 *)(r1 +68)
     6  exit
queue_last:
     7  r0 = 0xffff
     8  exit

; tunrss_filter (SOCKET_FILTER), 13 instructions
     0  r2 = *(u32 *)(r1 +44)
        ; any token
     1  r2 &= -4
     2  if r2 == 0x7254 goto keep
     3  r6 = r1
        ; no prefix: keep it until the time from which frames have one
     4  call ktime_get_ns
     5  r1 = .data +24 ll
     7  r1 = *(u64 *)(r1 +0)
     8  if r1 > r0 goto keep
     9  r0 = 0
    10  exit
keep:
        ; all bytes
    11  r0 = -1
    12  exit
