; at most 560 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_report (SCHED_CLS), 505 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
window:
        ; too short for any IP header
     3  if r7 < 34 goto unclassified
     4  if r7 >= 58 goto load_full
        ; a short packet: what there is
     5  *(u64 *)(r10 -64) = 0
     6  *(u64 *)(r10 -56) = 0
     7  *(u64 *)(r10 -48) = 0
     8  *(u64 *)(r10 -40) = 0
     9  *(u64 *)(r10 -32) = 0
    10  *(u64 *)(r10 -24) = 0
    11  *(u64 *)(r10 -16) = 0
    12  *(u64 *)(r10 -8) = 0
    13  r2 = r8
    14  r1 = r6
    15  r3 = r10
    16  r3 += -64
    17  r4 = r7
    18  call skb_load_bytes
    19  goto loaded
load_full:
        ; link header, IP header and ports, as far as they are needed
    20  r2 = r8
    21  r1 = r6
    22  r3 = r10
    23  r3 += -64
    24  r4 = 58
    25  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    26  r1 = *(u16 *)(r10 -52)
    27  if r1 == 8 goto ipv4
    28  if r1 == 0xdd86 goto ipv6
    29  if r1 == 129 goto vlan_tag
    30  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    31  r1 = *(u32 *)(r6 +20)
    32  r1 <<= 2
    33  r1 += r8
    34  if r1 >= 8 goto unclassified
    35  r8 += 4
    36  r7 -= 4
    37  goto window
ipv4:
    38  r1 = *(u8 *)(r10 -50)
    39  if r1 == 69 goto ipv4_version_ok
    40  r2 = r1
    41  r2 >>= 4
    42  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    43  r2 = *(u16 *)(r10 -44)
    44  if r2 & 0xff3f goto ipv4_only
    45  r2 = *(u8 *)(r10 -41)
    46  if r2 == 6 goto ipv4_tcp
    47  if r2 == 17 goto ipv4_udp
ipv4_only:
    48  r9 = 1
    49  r0 = 0
    50  goto ipv4_hash_addresses
ipv4_tcp:
    51  r9 = 2
    52  goto ipv4_ports
ipv4_udp:
    53  r9 = 3
ipv4_ports:
    54  if r1 != 69 goto ipv4_options
    55  if r7 < 38 goto ipv4_only
    56  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    57  r2 = r1
    58  r2 &= 15
    59  if r2 < 5 goto ipv4_only
    60  r2 <<= 2
    61  r2 += r8
    62  r2 += 14
    63  r1 = r6
    64  r3 = r10
    65  r3 += -30
    66  r4 = 4
    67  call skb_load_bytes
    68  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    69  r0 = 0
        ; hash input bytes 8 to 11
    70  r1 = .rodata +8192 ll
    72  r2 = *(u8 *)(r10 -30)
    73  r2 <<= 2
    74  r2 += r1
    75  r2 = *(u32 *)(r2 +0)
    76  r0 ^= r2
    77  r2 = *(u8 *)(r10 -29)
    78  r2 <<= 2
    79  r2 += r1
    80  r2 = *(u32 *)(r2 +1024)
    81  r0 ^= r2
    82  r2 = *(u8 *)(r10 -28)
    83  r2 <<= 2
    84  r2 += r1
    85  r2 = *(u32 *)(r2 +2048)
    86  r0 ^= r2
    87  r2 = *(u8 *)(r10 -27)
    88  r2 <<= 2
    89  r2 += r1
    90  r2 = *(u32 *)(r2 +3072)
    91  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    92  r1 = .rodata +0 ll
    94  r2 = *(u8 *)(r10 -38)
    95  r2 <<= 2
    96  r2 += r1
    97  r2 = *(u32 *)(r2 +0)
    98  r0 ^= r2
    99  r2 = *(u8 *)(r10 -37)
   100  r2 <<= 2
   101  r2 += r1
   102  r2 = *(u32 *)(r2 +1024)
   103  r0 ^= r2
   104  r2 = *(u8 *)(r10 -36)
   105  r2 <<= 2
   106  r2 += r1
   107  r2 = *(u32 *)(r2 +2048)
   108  r0 ^= r2
   109  r2 = *(u8 *)(r10 -35)
   110  r2 <<= 2
   111  r2 += r1
   112  r2 = *(u32 *)(r2 +3072)
   113  r0 ^= r2
   114  r2 = *(u8 *)(r10 -34)
   115  r2 <<= 2
   116  r2 += r1
   117  r2 = *(u32 *)(r2 +4096)
   118  r0 ^= r2
   119  r2 = *(u8 *)(r10 -33)
   120  r2 <<= 2
   121  r2 += r1
   122  r2 = *(u32 *)(r2 +5120)
   123  r0 ^= r2
   124  r2 = *(u8 *)(r10 -32)
   125  r2 <<= 2
   126  r2 += r1
   127  r2 = *(u32 *)(r2 +6144)
   128  r0 ^= r2
   129  r2 = *(u8 *)(r10 -31)
   130  r2 <<= 2
   131  r2 += r1
   132  r2 = *(u32 *)(r2 +7168)
   133  r0 ^= r2
   134  goto table
ipv6:
   135  if r7 < 54 goto unclassified
   136  r1 = *(u8 *)(r10 -50)
   137  r1 >>= 4
   138  if r1 != 6 goto unclassified
   139  r9 = *(u8 *)(r10 -44)
   140  if r9 == 6 goto ipv6_tcp
   141  if r9 == 17 goto ipv6_udp
   142  if r9 == 0 goto walk
   143  if r9 == 43 goto walk
   144  if r9 == 44 goto walk
   145  if r9 == 51 goto walk
   146  if r9 == 60 goto walk
   147  if r9 == 135 goto walk
ipv6_only:
   148  r9 = 4
   149  r0 = 0
   150  goto ipv6_hash_addresses
ipv6_tcp:
   151  r9 = 5
   152  goto ipv6_ports
ipv6_udp:
   153  r9 = 6
ipv6_ports:
   154  if r7 < 58 goto ipv6_only
   155  goto ipv6_hash_ports
walk:
   156  r8 += 54
   157  r7 = 0
walk_header:
   158  if r9 == 44 goto walk_no_ports
   159  if r7 == 11 goto walk_no_ports
   160  r7 += 1
   161  r2 = r8
   162  r1 = r6
   163  r3 = r10
   164  r3 += -68
   165  r4 = 4
   166  call skb_load_bytes
   167  if r0 != 0 goto walk_no_ports
   168  r1 = *(u8 *)(r10 -67)
   169  if r9 == 51 goto walk_authentication
   170  r1 += 1
   171  r1 <<= 3
   172  goto walk_next
walk_authentication:
   173  r1 += 2
   174  r1 <<= 2
walk_next:
   175  r8 += r1
   176  r9 = *(u8 *)(r10 -68)
   177  if r9 == 0 goto walk_header
   178  if r9 == 43 goto walk_header
   179  if r9 == 44 goto walk_header
   180  if r9 == 51 goto walk_header
   181  if r9 == 60 goto walk_header
   182  if r9 == 135 goto walk_header
   183  if r9 != 6 goto other_protocol
   184  r2 = r8
   185  r1 = r6
   186  r3 = r10
   187  r3 += -10
   188  r4 = 4
   189  call skb_load_bytes
   190  if r0 != 0 goto walk_no_ports
   191  r9 = 5
   192  goto ipv6_hash_ports
other_protocol:
   193  if r9 != 17 goto other_protocol
   194  r2 = r8
   195  r1 = r6
   196  r3 = r10
   197  r3 += -10
   198  r4 = 4
   199  call skb_load_bytes
   200  if r0 != 0 goto walk_no_ports
   201  r9 = 6
   202  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   203  goto ipv6_only
ipv6_hash_ports:
   204  r0 = 0
        ; hash input bytes 32 to 35
   205  r1 = .rodata +32768 ll
   207  r2 = *(u8 *)(r10 -10)
   208  r2 <<= 2
   209  r2 += r1
   210  r2 = *(u32 *)(r2 +0)
   211  r0 ^= r2
   212  r2 = *(u8 *)(r10 -9)
   213  r2 <<= 2
   214  r2 += r1
   215  r2 = *(u32 *)(r2 +1024)
   216  r0 ^= r2
   217  r2 = *(u8 *)(r10 -8)
   218  r2 <<= 2
   219  r2 += r1
   220  r2 = *(u32 *)(r2 +2048)
   221  r0 ^= r2
   222  r2 = *(u8 *)(r10 -7)
   223  r2 <<= 2
   224  r2 += r1
   225  r2 = *(u32 *)(r2 +3072)
   226  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   227  r1 = .rodata +0 ll
   229  r2 = *(u8 *)(r10 -42)
   230  r2 <<= 2
   231  r2 += r1
   232  r2 = *(u32 *)(r2 +0)
   233  r0 ^= r2
   234  r2 = *(u8 *)(r10 -41)
   235  r2 <<= 2
   236  r2 += r1
   237  r2 = *(u32 *)(r2 +1024)
   238  r0 ^= r2
   239  r2 = *(u8 *)(r10 -40)
   240  r2 <<= 2
   241  r2 += r1
   242  r2 = *(u32 *)(r2 +2048)
   243  r0 ^= r2
   244  r2 = *(u8 *)(r10 -39)
   245  r2 <<= 2
   246  r2 += r1
   247  r2 = *(u32 *)(r2 +3072)
   248  r0 ^= r2
   249  r2 = *(u8 *)(r10 -38)
   250  r2 <<= 2
   251  r2 += r1
   252  r2 = *(u32 *)(r2 +4096)
   253  r0 ^= r2
   254  r2 = *(u8 *)(r10 -37)
   255  r2 <<= 2
   256  r2 += r1
   257  r2 = *(u32 *)(r2 +5120)
   258  r0 ^= r2
   259  r2 = *(u8 *)(r10 -36)
   260  r2 <<= 2
   261  r2 += r1
   262  r2 = *(u32 *)(r2 +6144)
   263  r0 ^= r2
   264  r2 = *(u8 *)(r10 -35)
   265  r2 <<= 2
   266  r2 += r1
   267  r2 = *(u32 *)(r2 +7168)
   268  r0 ^= r2
   269  r2 = *(u8 *)(r10 -34)
   270  r2 <<= 2
   271  r2 += r1
   272  r2 = *(u32 *)(r2 +8192)
   273  r0 ^= r2
   274  r2 = *(u8 *)(r10 -33)
   275  r2 <<= 2
   276  r2 += r1
   277  r2 = *(u32 *)(r2 +9216)
   278  r0 ^= r2
   279  r2 = *(u8 *)(r10 -32)
   280  r2 <<= 2
   281  r2 += r1
   282  r2 = *(u32 *)(r2 +10240)
   283  r0 ^= r2
   284  r2 = *(u8 *)(r10 -31)
   285  r2 <<= 2
   286  r2 += r1
   287  r2 = *(u32 *)(r2 +11264)
   288  r0 ^= r2
   289  r2 = *(u8 *)(r10 -30)
   290  r2 <<= 2
   291  r2 += r1
   292  r2 = *(u32 *)(r2 +12288)
   293  r0 ^= r2
   294  r2 = *(u8 *)(r10 -29)
   295  r2 <<= 2
   296  r2 += r1
   297  r2 = *(u32 *)(r2 +13312)
   298  r0 ^= r2
   299  r2 = *(u8 *)(r10 -28)
   300  r2 <<= 2
   301  r2 += r1
   302  r2 = *(u32 *)(r2 +14336)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -27)
   305  r2 <<= 2
   306  r2 += r1
   307  r2 = *(u32 *)(r2 +15360)
   308  r0 ^= r2
   309  r2 = *(u8 *)(r10 -26)
   310  r2 <<= 2
   311  r2 += r1
   312  r2 = *(u32 *)(r2 +16384)
   313  r0 ^= r2
   314  r2 = *(u8 *)(r10 -25)
   315  r2 <<= 2
   316  r2 += r1
   317  r2 = *(u32 *)(r2 +17408)
   318  r0 ^= r2
   319  r2 = *(u8 *)(r10 -24)
   320  r2 <<= 2
   321  r2 += r1
   322  r2 = *(u32 *)(r2 +18432)
   323  r0 ^= r2
   324  r2 = *(u8 *)(r10 -23)
   325  r2 <<= 2
   326  r2 += r1
   327  r2 = *(u32 *)(r2 +19456)
   328  r0 ^= r2
   329  r2 = *(u8 *)(r10 -22)
   330  r2 <<= 2
   331  r2 += r1
   332  r2 = *(u32 *)(r2 +20480)
   333  r0 ^= r2
   334  r2 = *(u8 *)(r10 -21)
   335  r2 <<= 2
   336  r2 += r1
   337  r2 = *(u32 *)(r2 +21504)
   338  r0 ^= r2
   339  r2 = *(u8 *)(r10 -20)
   340  r2 <<= 2
   341  r2 += r1
   342  r2 = *(u32 *)(r2 +22528)
   343  r0 ^= r2
   344  r2 = *(u8 *)(r10 -19)
   345  r2 <<= 2
   346  r2 += r1
   347  r2 = *(u32 *)(r2 +23552)
   348  r0 ^= r2
   349  r2 = *(u8 *)(r10 -18)
   350  r2 <<= 2
   351  r2 += r1
   352  r2 = *(u32 *)(r2 +24576)
   353  r0 ^= r2
   354  r2 = *(u8 *)(r10 -17)
   355  r2 <<= 2
   356  r2 += r1
   357  r2 = *(u32 *)(r2 +25600)
   358  r0 ^= r2
   359  r2 = *(u8 *)(r10 -16)
   360  r2 <<= 2
   361  r2 += r1
   362  r2 = *(u32 *)(r2 +26624)
   363  r0 ^= r2
   364  r2 = *(u8 *)(r10 -15)
   365  r2 <<= 2
   366  r2 += r1
   367  r2 = *(u32 *)(r2 +27648)
   368  r0 ^= r2
   369  r2 = *(u8 *)(r10 -14)
   370  r2 <<= 2
   371  r2 += r1
   372  r2 = *(u32 *)(r2 +28672)
   373  r0 ^= r2
   374  r2 = *(u8 *)(r10 -13)
   375  r2 <<= 2
   376  r2 += r1
   377  r2 = *(u32 *)(r2 +29696)
   378  r0 ^= r2
   379  r2 = *(u8 *)(r10 -12)
   380  r2 <<= 2
   381  r2 += r1
   382  r2 = *(u32 *)(r2 +30720)
   383  r0 ^= r2
   384  r2 = *(u8 *)(r10 -11)
   385  r2 <<= 2
   386  r2 += r1
   387  r2 = *(u32 *)(r2 +31744)
   388  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   389  r1 = r0
   390  r1 &= 127
   391  r1 <<= 1
   392  r2 = .data +80 ll
   394  r2 += r1
   395  r7 = *(u16 *)(r2 +0)
   396  r8 = r0
   397  goto emit
unclassified:
   398  r7 = 0
   399  r8 = 0
   400  r9 = 0
emit:
   401  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK
   402  r1 = 0x7255
   403  *(u32 *)(r6 +72) = r1
   404  r1 = *(u32 *)(r6 +20)
   405  if r1 != 0 goto accelerated_tags
   406  r1 = r6
   407  r2 = 8
   408  r3 = 0
   409  call skb_change_head
   410  if r0 != 0 goto drop
   411  r1 = *(u32 *)(r6 +76)
   412  r2 = *(u32 *)(r6 +80)
   413  r3 = r1
   414  r3 += 8
   415  if r3 > r2 goto drop
   416  *(u32 *)(r1 +0) = r8
   417  *(u16 *)(r1 +4) = r9
   418  *(u16 *)(r1 +6) = -1
   419  r0 = 0
   420  exit
accelerated_tags:
   421  *(u64 *)(r10 -64) = 0
   422  *(u64 *)(r10 -56) = 0
   423  *(u64 *)(r10 -48) = 0
   424  *(u64 *)(r10 -40) = 0
   425  *(u64 *)(r10 -32) = 0
   426  *(u32 *)(r10 -64) = r8
   427  *(u16 *)(r10 -60) = r9
   428  *(u16 *)(r10 -58) = -1
        ; the protocol is as in the frame, the rest in the machine's order
   429  r1 = *(u32 *)(r6 +28)
   430  *(u16 *)(r10 -44) = r1
   431  r1 = *(u32 *)(r6 +24)
   432  *(u8 *)(r10 -41) = r1
   433  r1 >>= 8
   434  *(u8 *)(r10 -42) = r1
   435  r1 = r6
   436  call skb_vlan_pop
   437  if r0 != 0 goto drop
   438  r7 = 4
   439  r1 = *(u32 *)(r6 +20)
   440  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   441  r1 = *(u32 *)(r6 +28)
   442  *(u16 *)(r10 -40) = r1
   443  r1 = *(u32 *)(r6 +24)
   444  *(u8 *)(r10 -37) = r1
   445  r1 >>= 8
   446  *(u8 *)(r10 -38) = r1
   447  r1 = r6
   448  call skb_vlan_pop
   449  if r0 != 0 goto drop
   450  r7 = 8
   451  r1 = *(u32 *)(r6 +20)
   452  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   453  r1 = *(u32 *)(r6 +28)
   454  *(u16 *)(r10 -36) = r1
   455  r1 = *(u32 *)(r6 +24)
   456  *(u8 *)(r10 -33) = r1
   457  r1 >>= 8
   458  *(u8 *)(r10 -34) = r1
   459  r1 = r6
   460  call skb_vlan_pop
   461  if r0 != 0 goto drop
   462  r7 = 12
   463  r1 = *(u32 *)(r6 +20)
   464  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   465  r1 = *(u32 *)(r6 +28)
   466  *(u16 *)(r10 -32) = r1
   467  r1 = *(u32 *)(r6 +24)
   468  *(u8 *)(r10 -29) = r1
   469  r1 >>= 8
   470  *(u8 *)(r10 -30) = r1
   471  r1 = r6
   472  call skb_vlan_pop
   473  if r0 != 0 goto drop
   474  r7 = 16
   475  r1 = *(u32 *)(r6 +20)
   476  if r1 == 0 goto rewrite_tags
   477  goto drop
rewrite_tags:
   478  r1 = r6
   479  r2 = r7
   480  r2 += 8
   481  r3 = 0
   482  call skb_change_head
   483  if r0 != 0 goto drop
        ; the addresses go in front of the tags
   484  r2 = r7
   485  r2 += 8
   486  r1 = r6
   487  r3 = r10
   488  r3 += -56
   489  r4 = 12
   490  call skb_load_bytes
   491  if r0 != 0 goto drop
   492  r1 = r6
   493  r2 = 0
   494  r3 = r10
   495  r3 += -64
   496  r4 = r7
   497  r4 += 20
   498  r5 = 0
   499  call skb_store_bytes
   500  if r0 != 0 goto drop
   501  r0 = 0
   502  exit
drop:
   503  r0 = 2
   504  exit

; tunrss_queue (SOCKET_FILTER), 6 instructions
     0  r2 = *(u32 *)(r1 +44)
     1  if r2 != 0x7255 goto queue_not_noted
     2  r0 = *(u32 *)(r1 +12)
     3  exit
queue_not_noted:
     4  r0 = *(u32 *)(r1 +68)
     5  exit

; tunrss_filter (SOCKET_FILTER), 13 instructions
     0  r2 = *(u32 *)(r1 +44)
        ; either token
     1  r2 &= -2
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
