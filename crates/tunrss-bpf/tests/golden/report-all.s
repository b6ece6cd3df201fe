; at most 645 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_report (SCHED_CLS), 619 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
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
        ; no address yet
   189  r1 = *(u32 *)(r6 +0)
   190  *(u64 *)(r10 -88) = r1
   191  *(u64 *)(r10 -96) = r1
walk_header:
   192  if r9 == 44 goto walk_no_ports
   193  if r7 == 11 goto walk_no_ports
   194  r7 += 1
   195  r2 = r8
   196  r1 = r6
   197  r3 = r10
   198  r3 += -76
   199  r4 = 4
   200  call skb_load_bytes
   201  if r0 != 0 goto walk_no_ports
   202  if r9 == 43 goto walk_routing
   203  if r9 == 60 goto walk_destination
walk_advance:
   204  r1 = *(u8 *)(r10 -75)
   205  if r9 == 51 goto walk_authentication
   206  r1 += 1
   207  r1 <<= 3
   208  goto walk_next
walk_authentication:
   209  r1 += 2
   210  r1 <<= 2
walk_next:
   211  r8 += r1
   212  r9 = *(u8 *)(r10 -76)
   213  r1 = *(u8 *)(r10 -76)
   214  if r1 == 0 goto walk_header
   215  if r1 == 43 goto walk_header
   216  if r1 == 44 goto walk_header
   217  if r1 == 51 goto walk_header
   218  if r1 == 60 goto walk_header
   219  if r1 == 135 goto walk_header
   220  if r9 != 6 goto other_protocol
   221  r2 = r8
   222  r1 = r6
   223  r3 = r10
   224  r3 += -18
   225  r4 = 4
   226  call skb_load_bytes
   227  if r0 != 0 goto walk_no_ports
   228  r9 = 8
   229  r7 = 1
   230  goto substitute
other_protocol:
   231  if r9 != 17 goto other_protocol
   232  r2 = r8
   233  r1 = r6
   234  r3 = r10
   235  r3 += -18
   236  r4 = 4
   237  call skb_load_bytes
   238  if r0 != 0 goto walk_no_ports
   239  r9 = 9
   240  r7 = 1
   241  goto substitute
other_protocol:
walk_no_ports:
   242  r9 = 7
   243  r7 = 0
substitute:
   244  r2 = *(u64 *)(r10 -88)
   245  r1 = *(u32 *)(r6 +0)
   246  if r2 == r1 goto source_kept
   247  r1 = r6
   248  r3 = r10
   249  r3 += -50
   250  r4 = 16
   251  call skb_load_bytes
source_kept:
   252  r2 = *(u64 *)(r10 -96)
   253  r1 = *(u32 *)(r6 +0)
   254  if r2 == r1 goto destination_kept
   255  r1 = r6
   256  r3 = r10
   257  r3 += -34
   258  r4 = 16
   259  call skb_load_bytes
destination_kept:
   260  if r7 != 0 goto ipv6_hash_ports
   261  r0 = 0
   262  goto ipv6_hash_addresses
walk_routing:
   263  r2 = *(u64 *)(r10 -96)
   264  r1 = *(u32 *)(r6 +0)
   265  if r2 != r1 goto walk_advance
        ; length 2, type 2, 1 segment left
   266  r2 = *(u32 *)(r10 -76)
   267  r2 >>= 8
   268  if r2 != 0x10202 goto walk_advance
   269  r2 = r8
   270  r2 += 24
   271  if r2 > r1 goto walk_advance
   272  r2 -= 16
   273  *(u64 *)(r10 -96) = r2
   274  goto walk_advance
walk_destination:
   275  r2 = *(u64 *)(r10 -88)
   276  r1 = *(u32 *)(r6 +0)
   277  if r2 != r1 goto walk_advance
   278  *(u64 *)(r10 -104) = r8
        ; the options end where the header does, or the packet
   279  r2 = *(u8 *)(r10 -75)
   280  r2 += 1
   281  r2 <<= 3
   282  r2 += r8
   283  if r1 > r2 goto options_whole
   284  r2 = r1
options_whole:
   285  *(u64 *)(r10 -112) = r2
   286  r8 += 2
   287  r9 = 30
option:
   288  r1 = *(u64 *)(r10 -112)
   289  if r8 >= r1 goto options_end
        ; zeros, a Pad1, if the packet ends behind the first byte
   290  r2 = r8
   291  r1 = r6
   292  r3 = r10
   293  r3 += -80
   294  r4 = 2
   295  call skb_load_bytes
   296  r1 = *(u16 *)(r10 -80)
   297  if r1 == 0x10c9 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   298  r2 = *(u8 *)(r10 -80)
   299  r3 = 0
   300  r3 -= r2
   301  r3 >>= 63
   302  r1 >>= 8
   303  r1 += 1
   304  r1 *= r3
   305  r8 += r1
   306  r8 += 1
   307  r9 -= 1
   308  if r9 != 0 goto option
   309  goto options_end
option_found:
   310  r8 += 18
   311  r1 = *(u64 *)(r10 -112)
   312  if r8 > r1 goto options_end
   313  r8 -= 16
   314  *(u64 *)(r10 -88) = r8
options_end:
   315  r8 = *(u64 *)(r10 -104)
   316  r9 = 60
   317  goto walk_advance
ipv6_hash_ports:
   318  r0 = 0
        ; hash input bytes 32 to 35
   319  r1 = .rodata +32768 ll
   321  r2 = *(u8 *)(r10 -18)
   322  r2 <<= 2
   323  r2 += r1
   324  r2 = *(u32 *)(r2 +0)
   325  r0 ^= r2
   326  r2 = *(u8 *)(r10 -17)
   327  r2 <<= 2
   328  r2 += r1
   329  r2 = *(u32 *)(r2 +1024)
   330  r0 ^= r2
   331  r2 = *(u8 *)(r10 -16)
   332  r2 <<= 2
   333  r2 += r1
   334  r2 = *(u32 *)(r2 +2048)
   335  r0 ^= r2
   336  r2 = *(u8 *)(r10 -15)
   337  r2 <<= 2
   338  r2 += r1
   339  r2 = *(u32 *)(r2 +3072)
   340  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   341  r1 = .rodata +0 ll
   343  r2 = *(u8 *)(r10 -50)
   344  r2 <<= 2
   345  r2 += r1
   346  r2 = *(u32 *)(r2 +0)
   347  r0 ^= r2
   348  r2 = *(u8 *)(r10 -49)
   349  r2 <<= 2
   350  r2 += r1
   351  r2 = *(u32 *)(r2 +1024)
   352  r0 ^= r2
   353  r2 = *(u8 *)(r10 -48)
   354  r2 <<= 2
   355  r2 += r1
   356  r2 = *(u32 *)(r2 +2048)
   357  r0 ^= r2
   358  r2 = *(u8 *)(r10 -47)
   359  r2 <<= 2
   360  r2 += r1
   361  r2 = *(u32 *)(r2 +3072)
   362  r0 ^= r2
   363  r2 = *(u8 *)(r10 -46)
   364  r2 <<= 2
   365  r2 += r1
   366  r2 = *(u32 *)(r2 +4096)
   367  r0 ^= r2
   368  r2 = *(u8 *)(r10 -45)
   369  r2 <<= 2
   370  r2 += r1
   371  r2 = *(u32 *)(r2 +5120)
   372  r0 ^= r2
   373  r2 = *(u8 *)(r10 -44)
   374  r2 <<= 2
   375  r2 += r1
   376  r2 = *(u32 *)(r2 +6144)
   377  r0 ^= r2
   378  r2 = *(u8 *)(r10 -43)
   379  r2 <<= 2
   380  r2 += r1
   381  r2 = *(u32 *)(r2 +7168)
   382  r0 ^= r2
   383  r2 = *(u8 *)(r10 -42)
   384  r2 <<= 2
   385  r2 += r1
   386  r2 = *(u32 *)(r2 +8192)
   387  r0 ^= r2
   388  r2 = *(u8 *)(r10 -41)
   389  r2 <<= 2
   390  r2 += r1
   391  r2 = *(u32 *)(r2 +9216)
   392  r0 ^= r2
   393  r2 = *(u8 *)(r10 -40)
   394  r2 <<= 2
   395  r2 += r1
   396  r2 = *(u32 *)(r2 +10240)
   397  r0 ^= r2
   398  r2 = *(u8 *)(r10 -39)
   399  r2 <<= 2
   400  r2 += r1
   401  r2 = *(u32 *)(r2 +11264)
   402  r0 ^= r2
   403  r2 = *(u8 *)(r10 -38)
   404  r2 <<= 2
   405  r2 += r1
   406  r2 = *(u32 *)(r2 +12288)
   407  r0 ^= r2
   408  r2 = *(u8 *)(r10 -37)
   409  r2 <<= 2
   410  r2 += r1
   411  r2 = *(u32 *)(r2 +13312)
   412  r0 ^= r2
   413  r2 = *(u8 *)(r10 -36)
   414  r2 <<= 2
   415  r2 += r1
   416  r2 = *(u32 *)(r2 +14336)
   417  r0 ^= r2
   418  r2 = *(u8 *)(r10 -35)
   419  r2 <<= 2
   420  r2 += r1
   421  r2 = *(u32 *)(r2 +15360)
   422  r0 ^= r2
   423  r2 = *(u8 *)(r10 -34)
   424  r2 <<= 2
   425  r2 += r1
   426  r2 = *(u32 *)(r2 +16384)
   427  r0 ^= r2
   428  r2 = *(u8 *)(r10 -33)
   429  r2 <<= 2
   430  r2 += r1
   431  r2 = *(u32 *)(r2 +17408)
   432  r0 ^= r2
   433  r2 = *(u8 *)(r10 -32)
   434  r2 <<= 2
   435  r2 += r1
   436  r2 = *(u32 *)(r2 +18432)
   437  r0 ^= r2
   438  r2 = *(u8 *)(r10 -31)
   439  r2 <<= 2
   440  r2 += r1
   441  r2 = *(u32 *)(r2 +19456)
   442  r0 ^= r2
   443  r2 = *(u8 *)(r10 -30)
   444  r2 <<= 2
   445  r2 += r1
   446  r2 = *(u32 *)(r2 +20480)
   447  r0 ^= r2
   448  r2 = *(u8 *)(r10 -29)
   449  r2 <<= 2
   450  r2 += r1
   451  r2 = *(u32 *)(r2 +21504)
   452  r0 ^= r2
   453  r2 = *(u8 *)(r10 -28)
   454  r2 <<= 2
   455  r2 += r1
   456  r2 = *(u32 *)(r2 +22528)
   457  r0 ^= r2
   458  r2 = *(u8 *)(r10 -27)
   459  r2 <<= 2
   460  r2 += r1
   461  r2 = *(u32 *)(r2 +23552)
   462  r0 ^= r2
   463  r2 = *(u8 *)(r10 -26)
   464  r2 <<= 2
   465  r2 += r1
   466  r2 = *(u32 *)(r2 +24576)
   467  r0 ^= r2
   468  r2 = *(u8 *)(r10 -25)
   469  r2 <<= 2
   470  r2 += r1
   471  r2 = *(u32 *)(r2 +25600)
   472  r0 ^= r2
   473  r2 = *(u8 *)(r10 -24)
   474  r2 <<= 2
   475  r2 += r1
   476  r2 = *(u32 *)(r2 +26624)
   477  r0 ^= r2
   478  r2 = *(u8 *)(r10 -23)
   479  r2 <<= 2
   480  r2 += r1
   481  r2 = *(u32 *)(r2 +27648)
   482  r0 ^= r2
   483  r2 = *(u8 *)(r10 -22)
   484  r2 <<= 2
   485  r2 += r1
   486  r2 = *(u32 *)(r2 +28672)
   487  r0 ^= r2
   488  r2 = *(u8 *)(r10 -21)
   489  r2 <<= 2
   490  r2 += r1
   491  r2 = *(u32 *)(r2 +29696)
   492  r0 ^= r2
   493  r2 = *(u8 *)(r10 -20)
   494  r2 <<= 2
   495  r2 += r1
   496  r2 = *(u32 *)(r2 +30720)
   497  r0 ^= r2
   498  r2 = *(u8 *)(r10 -19)
   499  r2 <<= 2
   500  r2 += r1
   501  r2 = *(u32 *)(r2 +31744)
   502  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   503  r1 = r0
   504  r1 &= 127
   505  r1 <<= 1
   506  r2 = .data +80 ll
   508  r2 += r1
   509  r7 = *(u16 *)(r2 +0)
   510  r8 = r0
   511  goto emit
unclassified:
   512  r7 = 0
   513  r8 = 0
   514  r9 = 0
emit:
   515  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK
   516  r1 = 0x7255
   517  *(u32 *)(r6 +72) = r1
   518  r1 = *(u32 *)(r6 +20)
   519  if r1 != 0 goto accelerated_tags
   520  r1 = r6
   521  r2 = 8
   522  r3 = 0
   523  call skb_change_head
   524  if r0 != 0 goto drop
   525  r1 = *(u32 *)(r6 +76)
   526  r2 = *(u32 *)(r6 +80)
   527  r3 = r1
   528  r3 += 8
   529  if r3 > r2 goto drop
   530  *(u32 *)(r1 +0) = r8
   531  *(u16 *)(r1 +4) = r9
   532  *(u16 *)(r1 +6) = -1
   533  r0 = 0
   534  exit
accelerated_tags:
   535  *(u64 *)(r10 -72) = 0
   536  *(u64 *)(r10 -64) = 0
   537  *(u64 *)(r10 -56) = 0
   538  *(u64 *)(r10 -48) = 0
   539  *(u64 *)(r10 -40) = 0
   540  *(u32 *)(r10 -72) = r8
   541  *(u16 *)(r10 -68) = r9
   542  *(u16 *)(r10 -66) = -1
        ; the protocol is as in the frame, the rest in the machine's order
   543  r1 = *(u32 *)(r6 +28)
   544  *(u16 *)(r10 -52) = r1
   545  r1 = *(u32 *)(r6 +24)
   546  *(u8 *)(r10 -49) = r1
   547  r1 >>= 8
   548  *(u8 *)(r10 -50) = r1
   549  r1 = r6
   550  call skb_vlan_pop
   551  if r0 != 0 goto drop
   552  r7 = 4
   553  r1 = *(u32 *)(r6 +20)
   554  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   555  r1 = *(u32 *)(r6 +28)
   556  *(u16 *)(r10 -48) = r1
   557  r1 = *(u32 *)(r6 +24)
   558  *(u8 *)(r10 -45) = r1
   559  r1 >>= 8
   560  *(u8 *)(r10 -46) = r1
   561  r1 = r6
   562  call skb_vlan_pop
   563  if r0 != 0 goto drop
   564  r7 = 8
   565  r1 = *(u32 *)(r6 +20)
   566  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   567  r1 = *(u32 *)(r6 +28)
   568  *(u16 *)(r10 -44) = r1
   569  r1 = *(u32 *)(r6 +24)
   570  *(u8 *)(r10 -41) = r1
   571  r1 >>= 8
   572  *(u8 *)(r10 -42) = r1
   573  r1 = r6
   574  call skb_vlan_pop
   575  if r0 != 0 goto drop
   576  r7 = 12
   577  r1 = *(u32 *)(r6 +20)
   578  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   579  r1 = *(u32 *)(r6 +28)
   580  *(u16 *)(r10 -40) = r1
   581  r1 = *(u32 *)(r6 +24)
   582  *(u8 *)(r10 -37) = r1
   583  r1 >>= 8
   584  *(u8 *)(r10 -38) = r1
   585  r1 = r6
   586  call skb_vlan_pop
   587  if r0 != 0 goto drop
   588  r7 = 16
   589  r1 = *(u32 *)(r6 +20)
   590  if r1 == 0 goto rewrite_tags
   591  goto drop
rewrite_tags:
   592  r1 = r6
   593  r2 = r7
   594  r2 += 8
   595  r3 = 0
   596  call skb_change_head
   597  if r0 != 0 goto drop
        ; the addresses go in front of the tags
   598  r2 = r7
   599  r2 += 8
   600  r1 = r6
   601  r3 = r10
   602  r3 += -64
   603  r4 = 12
   604  call skb_load_bytes
   605  if r0 != 0 goto drop
   606  r1 = r6
   607  r2 = 0
   608  r3 = r10
   609  r3 += -72
   610  r4 = r7
   611  r4 += 20
   612  r5 = 0
   613  call skb_store_bytes
   614  if r0 != 0 goto drop
   615  r0 = 0
   616  exit
drop:
   617  r0 = 2
   618  exit

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
