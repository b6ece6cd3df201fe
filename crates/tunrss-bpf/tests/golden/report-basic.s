; at most 560 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_report (SCHED_CLS), 537 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
     3  if r7 >= 66 goto load_full
        ; too short for any IP header
     4  if r7 < 34 goto unclassified
        ; a short packet: what there is
     5  *(u64 *)(r10 -72) = 0
     6  *(u64 *)(r10 -64) = 0
     7  *(u64 *)(r10 -56) = 0
     8  *(u64 *)(r10 -48) = 0
     9  *(u64 *)(r10 -40) = 0
    10  *(u64 *)(r10 -32) = 0
    11  *(u64 *)(r10 -24) = 0
    12  *(u64 *)(r10 -16) = 0
    13  *(u64 *)(r10 -8) = 0
    14  r2 = r8
    15  r1 = r6
    16  r3 = r10
    17  r3 += -72
    18  r4 = r7
    19  call skb_load_bytes
    20  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    21  r2 = r8
    22  r1 = r6
    23  r3 = r10
    24  r3 += -72
    25  r4 = 66
    26  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    27  r1 = *(u16 *)(r10 -60)
    28  if r1 == 8 goto ipv4
    29  if r1 == 0xdd86 goto ipv6
    30  if r1 == 129 goto vlan_tag
    31  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    32  r1 = *(u32 *)(r6 +20)
    33  r1 <<= 2
    34  r1 += r8
    35  if r1 >= 8 goto unclassified
    36  r8 += 4
    37  r7 -= 4
        ; too short for any IP header
    38  if r7 < 34 goto unclassified
    39  r1 = *(u32 *)(r10 -56)
    40  *(u32 *)(r10 -60) = r1
    41  r1 = *(u32 *)(r10 -52)
    42  *(u32 *)(r10 -56) = r1
    43  r1 = *(u32 *)(r10 -48)
    44  *(u32 *)(r10 -52) = r1
    45  r1 = *(u32 *)(r10 -44)
    46  *(u32 *)(r10 -48) = r1
    47  r1 = *(u32 *)(r10 -40)
    48  *(u32 *)(r10 -44) = r1
    49  r1 = *(u32 *)(r10 -36)
    50  *(u32 *)(r10 -40) = r1
    51  r1 = *(u32 *)(r10 -32)
    52  *(u32 *)(r10 -36) = r1
    53  r1 = *(u32 *)(r10 -28)
    54  *(u32 *)(r10 -32) = r1
    55  r1 = *(u32 *)(r10 -24)
    56  *(u32 *)(r10 -28) = r1
    57  r1 = *(u32 *)(r10 -20)
    58  *(u32 *)(r10 -24) = r1
    59  r1 = *(u32 *)(r10 -16)
    60  *(u32 *)(r10 -20) = r1
    61  r1 = *(u32 *)(r10 -12)
    62  *(u32 *)(r10 -16) = r1
    63  r1 = *(u8 *)(r10 -8)
    64  *(u8 *)(r10 -12) = r1
    65  r1 = *(u8 *)(r10 -7)
    66  *(u8 *)(r10 -11) = r1
    67  goto loaded
ipv4:
    68  r1 = *(u8 *)(r10 -58)
    69  if r1 == 69 goto ipv4_version_ok
    70  r2 = r1
    71  r2 >>= 4
    72  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    73  r2 = *(u16 *)(r10 -52)
    74  if r2 & 0xff3f goto ipv4_only
    75  r2 = *(u8 *)(r10 -49)
    76  if r2 == 6 goto ipv4_tcp
    77  if r2 == 17 goto ipv4_udp
ipv4_only:
    78  r9 = 1
    79  r0 = 0
    80  goto ipv4_hash_addresses
ipv4_tcp:
    81  r9 = 2
    82  goto ipv4_ports
ipv4_udp:
    83  r9 = 3
ipv4_ports:
    84  if r1 != 69 goto ipv4_options
    85  if r7 < 38 goto ipv4_only
    86  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    87  r2 = r1
    88  r2 &= 15
    89  if r2 < 5 goto ipv4_only
    90  r2 <<= 2
    91  r2 += r8
    92  r2 += 14
    93  r1 = r6
    94  r3 = r10
    95  r3 += -38
    96  r4 = 4
    97  call skb_load_bytes
    98  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    99  r0 = 0
        ; hash input bytes 8 to 11
   100  r1 = .rodata +8192 ll
   102  r2 = *(u8 *)(r10 -38)
   103  r2 <<= 2
   104  r2 += r1
   105  r2 = *(u32 *)(r2 +0)
   106  r0 ^= r2
   107  r2 = *(u8 *)(r10 -37)
   108  r2 <<= 2
   109  r2 += r1
   110  r2 = *(u32 *)(r2 +1024)
   111  r0 ^= r2
   112  r2 = *(u8 *)(r10 -36)
   113  r2 <<= 2
   114  r2 += r1
   115  r2 = *(u32 *)(r2 +2048)
   116  r0 ^= r2
   117  r2 = *(u8 *)(r10 -35)
   118  r2 <<= 2
   119  r2 += r1
   120  r2 = *(u32 *)(r2 +3072)
   121  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
   122  r1 = .rodata +0 ll
   124  r2 = *(u8 *)(r10 -46)
   125  r2 <<= 2
   126  r2 += r1
   127  r2 = *(u32 *)(r2 +0)
   128  r0 ^= r2
   129  r2 = *(u8 *)(r10 -45)
   130  r2 <<= 2
   131  r2 += r1
   132  r2 = *(u32 *)(r2 +1024)
   133  r0 ^= r2
   134  r2 = *(u8 *)(r10 -44)
   135  r2 <<= 2
   136  r2 += r1
   137  r2 = *(u32 *)(r2 +2048)
   138  r0 ^= r2
   139  r2 = *(u8 *)(r10 -43)
   140  r2 <<= 2
   141  r2 += r1
   142  r2 = *(u32 *)(r2 +3072)
   143  r0 ^= r2
   144  r2 = *(u8 *)(r10 -42)
   145  r2 <<= 2
   146  r2 += r1
   147  r2 = *(u32 *)(r2 +4096)
   148  r0 ^= r2
   149  r2 = *(u8 *)(r10 -41)
   150  r2 <<= 2
   151  r2 += r1
   152  r2 = *(u32 *)(r2 +5120)
   153  r0 ^= r2
   154  r2 = *(u8 *)(r10 -40)
   155  r2 <<= 2
   156  r2 += r1
   157  r2 = *(u32 *)(r2 +6144)
   158  r0 ^= r2
   159  r2 = *(u8 *)(r10 -39)
   160  r2 <<= 2
   161  r2 += r1
   162  r2 = *(u32 *)(r2 +7168)
   163  r0 ^= r2
   164  goto table
ipv6:
   165  if r7 < 54 goto unclassified
   166  r1 = *(u8 *)(r10 -58)
   167  r1 >>= 4
   168  if r1 != 6 goto unclassified
   169  r1 = *(u8 *)(r10 -52)
   170  if r1 == 6 goto ipv6_tcp
   171  if r1 == 17 goto ipv6_udp
   172  if r1 == 0 goto walk
   173  if r1 == 43 goto walk
   174  if r1 == 44 goto walk
   175  if r1 == 51 goto walk
   176  if r1 == 60 goto walk
   177  if r1 == 135 goto walk
ipv6_only:
   178  r9 = 4
   179  r0 = 0
   180  goto ipv6_hash_addresses
ipv6_tcp:
   181  r9 = 5
   182  goto ipv6_ports
ipv6_udp:
   183  r9 = 6
ipv6_ports:
   184  if r7 < 58 goto ipv6_only
   185  goto ipv6_hash_ports
walk:
   186  r8 += 54
   187  r9 = *(u8 *)(r10 -52)
   188  r7 = 0
walk_header:
   189  if r9 == 44 goto walk_no_ports
   190  if r7 == 11 goto walk_no_ports
   191  r7 += 1
   192  r2 = r8
   193  r1 = r6
   194  r3 = r10
   195  r3 += -76
   196  r4 = 4
   197  call skb_load_bytes
   198  if r0 != 0 goto walk_no_ports
   199  r1 = *(u8 *)(r10 -75)
   200  if r9 == 51 goto walk_authentication
   201  r1 += 1
   202  r1 <<= 3
   203  goto walk_next
walk_authentication:
   204  r1 += 2
   205  r1 <<= 2
walk_next:
   206  r8 += r1
   207  r9 = *(u8 *)(r10 -76)
   208  r1 = *(u8 *)(r10 -76)
   209  if r1 == 0 goto walk_header
   210  if r1 == 43 goto walk_header
   211  if r1 == 44 goto walk_header
   212  if r1 == 51 goto walk_header
   213  if r1 == 60 goto walk_header
   214  if r1 == 135 goto walk_header
   215  if r9 != 6 goto other_protocol
   216  r2 = r8
   217  r1 = r6
   218  r3 = r10
   219  r3 += -18
   220  r4 = 4
   221  call skb_load_bytes
   222  if r0 != 0 goto walk_no_ports
   223  r9 = 5
   224  goto ipv6_hash_ports
other_protocol:
   225  if r9 != 17 goto other_protocol
   226  r2 = r8
   227  r1 = r6
   228  r3 = r10
   229  r3 += -18
   230  r4 = 4
   231  call skb_load_bytes
   232  if r0 != 0 goto walk_no_ports
   233  r9 = 6
   234  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   235  goto ipv6_only
ipv6_hash_ports:
   236  r0 = 0
        ; hash input bytes 32 to 35
   237  r1 = .rodata +32768 ll
   239  r2 = *(u8 *)(r10 -18)
   240  r2 <<= 2
   241  r2 += r1
   242  r2 = *(u32 *)(r2 +0)
   243  r0 ^= r2
   244  r2 = *(u8 *)(r10 -17)
   245  r2 <<= 2
   246  r2 += r1
   247  r2 = *(u32 *)(r2 +1024)
   248  r0 ^= r2
   249  r2 = *(u8 *)(r10 -16)
   250  r2 <<= 2
   251  r2 += r1
   252  r2 = *(u32 *)(r2 +2048)
   253  r0 ^= r2
   254  r2 = *(u8 *)(r10 -15)
   255  r2 <<= 2
   256  r2 += r1
   257  r2 = *(u32 *)(r2 +3072)
   258  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   259  r1 = .rodata +0 ll
   261  r2 = *(u8 *)(r10 -50)
   262  r2 <<= 2
   263  r2 += r1
   264  r2 = *(u32 *)(r2 +0)
   265  r0 ^= r2
   266  r2 = *(u8 *)(r10 -49)
   267  r2 <<= 2
   268  r2 += r1
   269  r2 = *(u32 *)(r2 +1024)
   270  r0 ^= r2
   271  r2 = *(u8 *)(r10 -48)
   272  r2 <<= 2
   273  r2 += r1
   274  r2 = *(u32 *)(r2 +2048)
   275  r0 ^= r2
   276  r2 = *(u8 *)(r10 -47)
   277  r2 <<= 2
   278  r2 += r1
   279  r2 = *(u32 *)(r2 +3072)
   280  r0 ^= r2
   281  r2 = *(u8 *)(r10 -46)
   282  r2 <<= 2
   283  r2 += r1
   284  r2 = *(u32 *)(r2 +4096)
   285  r0 ^= r2
   286  r2 = *(u8 *)(r10 -45)
   287  r2 <<= 2
   288  r2 += r1
   289  r2 = *(u32 *)(r2 +5120)
   290  r0 ^= r2
   291  r2 = *(u8 *)(r10 -44)
   292  r2 <<= 2
   293  r2 += r1
   294  r2 = *(u32 *)(r2 +6144)
   295  r0 ^= r2
   296  r2 = *(u8 *)(r10 -43)
   297  r2 <<= 2
   298  r2 += r1
   299  r2 = *(u32 *)(r2 +7168)
   300  r0 ^= r2
   301  r2 = *(u8 *)(r10 -42)
   302  r2 <<= 2
   303  r2 += r1
   304  r2 = *(u32 *)(r2 +8192)
   305  r0 ^= r2
   306  r2 = *(u8 *)(r10 -41)
   307  r2 <<= 2
   308  r2 += r1
   309  r2 = *(u32 *)(r2 +9216)
   310  r0 ^= r2
   311  r2 = *(u8 *)(r10 -40)
   312  r2 <<= 2
   313  r2 += r1
   314  r2 = *(u32 *)(r2 +10240)
   315  r0 ^= r2
   316  r2 = *(u8 *)(r10 -39)
   317  r2 <<= 2
   318  r2 += r1
   319  r2 = *(u32 *)(r2 +11264)
   320  r0 ^= r2
   321  r2 = *(u8 *)(r10 -38)
   322  r2 <<= 2
   323  r2 += r1
   324  r2 = *(u32 *)(r2 +12288)
   325  r0 ^= r2
   326  r2 = *(u8 *)(r10 -37)
   327  r2 <<= 2
   328  r2 += r1
   329  r2 = *(u32 *)(r2 +13312)
   330  r0 ^= r2
   331  r2 = *(u8 *)(r10 -36)
   332  r2 <<= 2
   333  r2 += r1
   334  r2 = *(u32 *)(r2 +14336)
   335  r0 ^= r2
   336  r2 = *(u8 *)(r10 -35)
   337  r2 <<= 2
   338  r2 += r1
   339  r2 = *(u32 *)(r2 +15360)
   340  r0 ^= r2
   341  r2 = *(u8 *)(r10 -34)
   342  r2 <<= 2
   343  r2 += r1
   344  r2 = *(u32 *)(r2 +16384)
   345  r0 ^= r2
   346  r2 = *(u8 *)(r10 -33)
   347  r2 <<= 2
   348  r2 += r1
   349  r2 = *(u32 *)(r2 +17408)
   350  r0 ^= r2
   351  r2 = *(u8 *)(r10 -32)
   352  r2 <<= 2
   353  r2 += r1
   354  r2 = *(u32 *)(r2 +18432)
   355  r0 ^= r2
   356  r2 = *(u8 *)(r10 -31)
   357  r2 <<= 2
   358  r2 += r1
   359  r2 = *(u32 *)(r2 +19456)
   360  r0 ^= r2
   361  r2 = *(u8 *)(r10 -30)
   362  r2 <<= 2
   363  r2 += r1
   364  r2 = *(u32 *)(r2 +20480)
   365  r0 ^= r2
   366  r2 = *(u8 *)(r10 -29)
   367  r2 <<= 2
   368  r2 += r1
   369  r2 = *(u32 *)(r2 +21504)
   370  r0 ^= r2
   371  r2 = *(u8 *)(r10 -28)
   372  r2 <<= 2
   373  r2 += r1
   374  r2 = *(u32 *)(r2 +22528)
   375  r0 ^= r2
   376  r2 = *(u8 *)(r10 -27)
   377  r2 <<= 2
   378  r2 += r1
   379  r2 = *(u32 *)(r2 +23552)
   380  r0 ^= r2
   381  r2 = *(u8 *)(r10 -26)
   382  r2 <<= 2
   383  r2 += r1
   384  r2 = *(u32 *)(r2 +24576)
   385  r0 ^= r2
   386  r2 = *(u8 *)(r10 -25)
   387  r2 <<= 2
   388  r2 += r1
   389  r2 = *(u32 *)(r2 +25600)
   390  r0 ^= r2
   391  r2 = *(u8 *)(r10 -24)
   392  r2 <<= 2
   393  r2 += r1
   394  r2 = *(u32 *)(r2 +26624)
   395  r0 ^= r2
   396  r2 = *(u8 *)(r10 -23)
   397  r2 <<= 2
   398  r2 += r1
   399  r2 = *(u32 *)(r2 +27648)
   400  r0 ^= r2
   401  r2 = *(u8 *)(r10 -22)
   402  r2 <<= 2
   403  r2 += r1
   404  r2 = *(u32 *)(r2 +28672)
   405  r0 ^= r2
   406  r2 = *(u8 *)(r10 -21)
   407  r2 <<= 2
   408  r2 += r1
   409  r2 = *(u32 *)(r2 +29696)
   410  r0 ^= r2
   411  r2 = *(u8 *)(r10 -20)
   412  r2 <<= 2
   413  r2 += r1
   414  r2 = *(u32 *)(r2 +30720)
   415  r0 ^= r2
   416  r2 = *(u8 *)(r10 -19)
   417  r2 <<= 2
   418  r2 += r1
   419  r2 = *(u32 *)(r2 +31744)
   420  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   421  r1 = r0
   422  r1 &= 127
   423  r1 <<= 1
   424  r2 = .data +80 ll
   426  r2 += r1
   427  r7 = *(u16 *)(r2 +0)
   428  r8 = r0
   429  goto emit
unclassified:
   430  r7 = 0
   431  r8 = 0
   432  r9 = 0
emit:
   433  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK
   434  r1 = 0x7255
   435  *(u32 *)(r6 +72) = r1
   436  r1 = *(u32 *)(r6 +20)
   437  if r1 != 0 goto accelerated_tags
   438  r1 = r6
   439  r2 = 8
   440  r3 = 0
   441  call skb_change_head
   442  if r0 != 0 goto drop
   443  r1 = *(u32 *)(r6 +76)
   444  r2 = *(u32 *)(r6 +80)
   445  r3 = r1
   446  r3 += 8
   447  if r3 > r2 goto drop
   448  *(u32 *)(r1 +0) = r8
   449  *(u16 *)(r1 +4) = r9
   450  *(u16 *)(r1 +6) = -1
   451  r0 = 0
   452  exit
accelerated_tags:
   453  *(u64 *)(r10 -72) = 0
   454  *(u64 *)(r10 -64) = 0
   455  *(u64 *)(r10 -56) = 0
   456  *(u64 *)(r10 -48) = 0
   457  *(u64 *)(r10 -40) = 0
   458  *(u32 *)(r10 -72) = r8
   459  *(u16 *)(r10 -68) = r9
   460  *(u16 *)(r10 -66) = -1
        ; the protocol is as in the frame, the rest in the machine's order
   461  r1 = *(u32 *)(r6 +28)
   462  *(u16 *)(r10 -52) = r1
   463  r1 = *(u32 *)(r6 +24)
   464  *(u8 *)(r10 -49) = r1
   465  r1 >>= 8
   466  *(u8 *)(r10 -50) = r1
   467  r1 = r6
   468  call skb_vlan_pop
   469  if r0 != 0 goto drop
   470  r7 = 4
   471  r1 = *(u32 *)(r6 +20)
   472  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   473  r1 = *(u32 *)(r6 +28)
   474  *(u16 *)(r10 -48) = r1
   475  r1 = *(u32 *)(r6 +24)
   476  *(u8 *)(r10 -45) = r1
   477  r1 >>= 8
   478  *(u8 *)(r10 -46) = r1
   479  r1 = r6
   480  call skb_vlan_pop
   481  if r0 != 0 goto drop
   482  r7 = 8
   483  r1 = *(u32 *)(r6 +20)
   484  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   485  r1 = *(u32 *)(r6 +28)
   486  *(u16 *)(r10 -44) = r1
   487  r1 = *(u32 *)(r6 +24)
   488  *(u8 *)(r10 -41) = r1
   489  r1 >>= 8
   490  *(u8 *)(r10 -42) = r1
   491  r1 = r6
   492  call skb_vlan_pop
   493  if r0 != 0 goto drop
   494  r7 = 12
   495  r1 = *(u32 *)(r6 +20)
   496  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   497  r1 = *(u32 *)(r6 +28)
   498  *(u16 *)(r10 -40) = r1
   499  r1 = *(u32 *)(r6 +24)
   500  *(u8 *)(r10 -37) = r1
   501  r1 >>= 8
   502  *(u8 *)(r10 -38) = r1
   503  r1 = r6
   504  call skb_vlan_pop
   505  if r0 != 0 goto drop
   506  r7 = 16
   507  r1 = *(u32 *)(r6 +20)
   508  if r1 == 0 goto rewrite_tags
   509  goto drop
rewrite_tags:
   510  r1 = r6
   511  r2 = r7
   512  r2 += 8
   513  r3 = 0
   514  call skb_change_head
   515  if r0 != 0 goto drop
        ; the addresses go in front of the tags
   516  r2 = r7
   517  r2 += 8
   518  r1 = r6
   519  r3 = r10
   520  r3 += -64
   521  r4 = 12
   522  call skb_load_bytes
   523  if r0 != 0 goto drop
   524  r1 = r6
   525  r2 = 0
   526  r3 = r10
   527  r3 += -72
   528  r4 = r7
   529  r4 += 20
   530  r5 = 0
   531  call skb_store_bytes
   532  if r0 != 0 goto drop
   533  r0 = 0
   534  exit
drop:
   535  r0 = 2
   536  exit

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
