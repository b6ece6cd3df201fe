; at most 640 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_report (SCHED_CLS), 587 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
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
   158  *(u64 *)(r10 -80) = 0
   159  *(u64 *)(r10 -96) = 0
walk_header:
   160  if r9 == 44 goto walk_no_ports
   161  if r7 == 11 goto walk_no_ports
   162  r7 += 1
   163  r2 = r8
   164  r1 = r6
   165  r3 = r10
   166  r3 += -68
   167  r4 = 4
   168  call skb_load_bytes
   169  if r0 != 0 goto walk_no_ports
   170  if r9 == 43 goto walk_routing
   171  if r9 == 60 goto walk_destination
walk_advance:
   172  r1 = *(u8 *)(r10 -67)
   173  if r9 == 51 goto walk_authentication
   174  r1 += 1
   175  r1 <<= 3
   176  goto walk_next
walk_authentication:
   177  r1 += 2
   178  r1 <<= 2
walk_next:
   179  r8 += r1
   180  r9 = *(u8 *)(r10 -68)
   181  if r9 == 0 goto walk_header
   182  if r9 == 43 goto walk_header
   183  if r9 == 44 goto walk_header
   184  if r9 == 51 goto walk_header
   185  if r9 == 60 goto walk_header
   186  if r9 == 135 goto walk_header
   187  if r9 != 6 goto other_protocol
   188  r2 = r8
   189  r1 = r6
   190  r3 = r10
   191  r3 += -10
   192  r4 = 4
   193  call skb_load_bytes
   194  if r0 != 0 goto walk_no_ports
   195  r9 = 8
   196  r7 = 1
   197  goto substitute
other_protocol:
   198  if r9 != 17 goto other_protocol
   199  r2 = r8
   200  r1 = r6
   201  r3 = r10
   202  r3 += -10
   203  r4 = 4
   204  call skb_load_bytes
   205  if r0 != 0 goto walk_no_ports
   206  r9 = 9
   207  r7 = 1
   208  goto substitute
other_protocol:
walk_no_ports:
   209  r9 = 7
   210  r7 = 0
substitute:
   211  r2 = *(u64 *)(r10 -80)
   212  if r2 == 0 goto source_kept
   213  r2 = *(u64 *)(r10 -88)
   214  r1 = r6
   215  r3 = r10
   216  r3 += -42
   217  r4 = 16
   218  call skb_load_bytes
source_kept:
   219  r2 = *(u64 *)(r10 -96)
   220  if r2 == 0 goto destination_kept
   221  r2 = *(u64 *)(r10 -104)
   222  r1 = r6
   223  r3 = r10
   224  r3 += -26
   225  r4 = 16
   226  call skb_load_bytes
destination_kept:
   227  if r7 != 0 goto ipv6_hash_ports
   228  r0 = 0
   229  goto ipv6_hash_addresses
walk_routing:
   230  r1 = *(u64 *)(r10 -96)
   231  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   232  r1 = *(u32 *)(r10 -68)
   233  r1 >>= 8
   234  if r1 != 0x10202 goto walk_advance
   235  r1 = r8
   236  r1 += 24
   237  r2 = *(u32 *)(r6 +0)
   238  if r1 > r2 goto walk_advance
   239  r1 -= 16
   240  *(u64 *)(r10 -96) = 1
   241  *(u64 *)(r10 -104) = r1
   242  goto walk_advance
walk_destination:
   243  r1 = *(u64 *)(r10 -80)
   244  if r1 != 0 goto walk_advance
   245  *(u64 *)(r10 -112) = r8
   246  r1 = *(u8 *)(r10 -67)
   247  r1 += 1
   248  r1 <<= 3
   249  r1 += r8
   250  *(u64 *)(r10 -120) = r1
   251  r8 += 2
   252  r9 = 30
option:
   253  if r9 == 0 goto options_end
   254  r9 -= 1
   255  r1 = *(u64 *)(r10 -120)
   256  if r8 >= r1 goto options_end
   257  r2 = r8
   258  r1 = r6
   259  r3 = r10
   260  r3 += -72
   261  r4 = 2
   262  call skb_load_bytes
   263  if r0 != 0 goto options_end
   264  r1 = *(u8 *)(r10 -72)
   265  if r1 == 0 goto option_pad
   266  r2 = *(u8 *)(r10 -71)
   267  if r1 != 201 goto option_skip
   268  if r2 != 16 goto option_skip
   269  r1 = r8
   270  r1 += 18
   271  r2 = *(u64 *)(r10 -120)
   272  if r1 > r2 goto options_end
   273  r2 = *(u32 *)(r6 +0)
   274  if r1 > r2 goto options_end
   275  r8 += 2
   276  *(u64 *)(r10 -80) = 1
   277  *(u64 *)(r10 -88) = r8
   278  goto options_end
option_skip:
   279  r8 += r2
   280  r8 += 1
option_pad:
   281  r8 += 1
   282  goto option
options_end:
   283  r8 = *(u64 *)(r10 -112)
   284  r9 = 60
   285  goto walk_advance
ipv6_hash_ports:
   286  r0 = 0
        ; hash input bytes 32 to 35
   287  r1 = .rodata +32768 ll
   289  r2 = *(u8 *)(r10 -10)
   290  r2 <<= 2
   291  r2 += r1
   292  r2 = *(u32 *)(r2 +0)
   293  r0 ^= r2
   294  r2 = *(u8 *)(r10 -9)
   295  r2 <<= 2
   296  r2 += r1
   297  r2 = *(u32 *)(r2 +1024)
   298  r0 ^= r2
   299  r2 = *(u8 *)(r10 -8)
   300  r2 <<= 2
   301  r2 += r1
   302  r2 = *(u32 *)(r2 +2048)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -7)
   305  r2 <<= 2
   306  r2 += r1
   307  r2 = *(u32 *)(r2 +3072)
   308  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   309  r1 = .rodata +0 ll
   311  r2 = *(u8 *)(r10 -42)
   312  r2 <<= 2
   313  r2 += r1
   314  r2 = *(u32 *)(r2 +0)
   315  r0 ^= r2
   316  r2 = *(u8 *)(r10 -41)
   317  r2 <<= 2
   318  r2 += r1
   319  r2 = *(u32 *)(r2 +1024)
   320  r0 ^= r2
   321  r2 = *(u8 *)(r10 -40)
   322  r2 <<= 2
   323  r2 += r1
   324  r2 = *(u32 *)(r2 +2048)
   325  r0 ^= r2
   326  r2 = *(u8 *)(r10 -39)
   327  r2 <<= 2
   328  r2 += r1
   329  r2 = *(u32 *)(r2 +3072)
   330  r0 ^= r2
   331  r2 = *(u8 *)(r10 -38)
   332  r2 <<= 2
   333  r2 += r1
   334  r2 = *(u32 *)(r2 +4096)
   335  r0 ^= r2
   336  r2 = *(u8 *)(r10 -37)
   337  r2 <<= 2
   338  r2 += r1
   339  r2 = *(u32 *)(r2 +5120)
   340  r0 ^= r2
   341  r2 = *(u8 *)(r10 -36)
   342  r2 <<= 2
   343  r2 += r1
   344  r2 = *(u32 *)(r2 +6144)
   345  r0 ^= r2
   346  r2 = *(u8 *)(r10 -35)
   347  r2 <<= 2
   348  r2 += r1
   349  r2 = *(u32 *)(r2 +7168)
   350  r0 ^= r2
   351  r2 = *(u8 *)(r10 -34)
   352  r2 <<= 2
   353  r2 += r1
   354  r2 = *(u32 *)(r2 +8192)
   355  r0 ^= r2
   356  r2 = *(u8 *)(r10 -33)
   357  r2 <<= 2
   358  r2 += r1
   359  r2 = *(u32 *)(r2 +9216)
   360  r0 ^= r2
   361  r2 = *(u8 *)(r10 -32)
   362  r2 <<= 2
   363  r2 += r1
   364  r2 = *(u32 *)(r2 +10240)
   365  r0 ^= r2
   366  r2 = *(u8 *)(r10 -31)
   367  r2 <<= 2
   368  r2 += r1
   369  r2 = *(u32 *)(r2 +11264)
   370  r0 ^= r2
   371  r2 = *(u8 *)(r10 -30)
   372  r2 <<= 2
   373  r2 += r1
   374  r2 = *(u32 *)(r2 +12288)
   375  r0 ^= r2
   376  r2 = *(u8 *)(r10 -29)
   377  r2 <<= 2
   378  r2 += r1
   379  r2 = *(u32 *)(r2 +13312)
   380  r0 ^= r2
   381  r2 = *(u8 *)(r10 -28)
   382  r2 <<= 2
   383  r2 += r1
   384  r2 = *(u32 *)(r2 +14336)
   385  r0 ^= r2
   386  r2 = *(u8 *)(r10 -27)
   387  r2 <<= 2
   388  r2 += r1
   389  r2 = *(u32 *)(r2 +15360)
   390  r0 ^= r2
   391  r2 = *(u8 *)(r10 -26)
   392  r2 <<= 2
   393  r2 += r1
   394  r2 = *(u32 *)(r2 +16384)
   395  r0 ^= r2
   396  r2 = *(u8 *)(r10 -25)
   397  r2 <<= 2
   398  r2 += r1
   399  r2 = *(u32 *)(r2 +17408)
   400  r0 ^= r2
   401  r2 = *(u8 *)(r10 -24)
   402  r2 <<= 2
   403  r2 += r1
   404  r2 = *(u32 *)(r2 +18432)
   405  r0 ^= r2
   406  r2 = *(u8 *)(r10 -23)
   407  r2 <<= 2
   408  r2 += r1
   409  r2 = *(u32 *)(r2 +19456)
   410  r0 ^= r2
   411  r2 = *(u8 *)(r10 -22)
   412  r2 <<= 2
   413  r2 += r1
   414  r2 = *(u32 *)(r2 +20480)
   415  r0 ^= r2
   416  r2 = *(u8 *)(r10 -21)
   417  r2 <<= 2
   418  r2 += r1
   419  r2 = *(u32 *)(r2 +21504)
   420  r0 ^= r2
   421  r2 = *(u8 *)(r10 -20)
   422  r2 <<= 2
   423  r2 += r1
   424  r2 = *(u32 *)(r2 +22528)
   425  r0 ^= r2
   426  r2 = *(u8 *)(r10 -19)
   427  r2 <<= 2
   428  r2 += r1
   429  r2 = *(u32 *)(r2 +23552)
   430  r0 ^= r2
   431  r2 = *(u8 *)(r10 -18)
   432  r2 <<= 2
   433  r2 += r1
   434  r2 = *(u32 *)(r2 +24576)
   435  r0 ^= r2
   436  r2 = *(u8 *)(r10 -17)
   437  r2 <<= 2
   438  r2 += r1
   439  r2 = *(u32 *)(r2 +25600)
   440  r0 ^= r2
   441  r2 = *(u8 *)(r10 -16)
   442  r2 <<= 2
   443  r2 += r1
   444  r2 = *(u32 *)(r2 +26624)
   445  r0 ^= r2
   446  r2 = *(u8 *)(r10 -15)
   447  r2 <<= 2
   448  r2 += r1
   449  r2 = *(u32 *)(r2 +27648)
   450  r0 ^= r2
   451  r2 = *(u8 *)(r10 -14)
   452  r2 <<= 2
   453  r2 += r1
   454  r2 = *(u32 *)(r2 +28672)
   455  r0 ^= r2
   456  r2 = *(u8 *)(r10 -13)
   457  r2 <<= 2
   458  r2 += r1
   459  r2 = *(u32 *)(r2 +29696)
   460  r0 ^= r2
   461  r2 = *(u8 *)(r10 -12)
   462  r2 <<= 2
   463  r2 += r1
   464  r2 = *(u32 *)(r2 +30720)
   465  r0 ^= r2
   466  r2 = *(u8 *)(r10 -11)
   467  r2 <<= 2
   468  r2 += r1
   469  r2 = *(u32 *)(r2 +31744)
   470  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   471  r1 = r0
   472  r1 &= 127
   473  r1 <<= 1
   474  r2 = .data +80 ll
   476  r2 += r1
   477  r7 = *(u16 *)(r2 +0)
   478  r8 = r0
   479  goto emit
unclassified:
   480  r7 = 0
   481  r8 = 0
   482  r9 = 0
emit:
   483  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK
   484  r1 = 0x7255
   485  *(u32 *)(r6 +72) = r1
   486  r1 = *(u32 *)(r6 +20)
   487  if r1 != 0 goto accelerated_tags
   488  r1 = r6
   489  r2 = 8
   490  r3 = 0
   491  call skb_change_head
   492  if r0 != 0 goto drop
   493  r1 = *(u32 *)(r6 +76)
   494  r2 = *(u32 *)(r6 +80)
   495  r3 = r1
   496  r3 += 8
   497  if r3 > r2 goto drop
   498  *(u32 *)(r1 +0) = r8
   499  *(u16 *)(r1 +4) = r9
   500  *(u16 *)(r1 +6) = -1
   501  r0 = 0
   502  exit
accelerated_tags:
   503  *(u64 *)(r10 -64) = 0
   504  *(u64 *)(r10 -56) = 0
   505  *(u64 *)(r10 -48) = 0
   506  *(u64 *)(r10 -40) = 0
   507  *(u64 *)(r10 -32) = 0
   508  *(u32 *)(r10 -64) = r8
   509  *(u16 *)(r10 -60) = r9
   510  *(u16 *)(r10 -58) = -1
        ; the protocol is as in the frame, the rest in the machine's order
   511  r1 = *(u32 *)(r6 +28)
   512  *(u16 *)(r10 -44) = r1
   513  r1 = *(u32 *)(r6 +24)
   514  *(u8 *)(r10 -41) = r1
   515  r1 >>= 8
   516  *(u8 *)(r10 -42) = r1
   517  r1 = r6
   518  call skb_vlan_pop
   519  if r0 != 0 goto drop
   520  r7 = 4
   521  r1 = *(u32 *)(r6 +20)
   522  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   523  r1 = *(u32 *)(r6 +28)
   524  *(u16 *)(r10 -40) = r1
   525  r1 = *(u32 *)(r6 +24)
   526  *(u8 *)(r10 -37) = r1
   527  r1 >>= 8
   528  *(u8 *)(r10 -38) = r1
   529  r1 = r6
   530  call skb_vlan_pop
   531  if r0 != 0 goto drop
   532  r7 = 8
   533  r1 = *(u32 *)(r6 +20)
   534  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   535  r1 = *(u32 *)(r6 +28)
   536  *(u16 *)(r10 -36) = r1
   537  r1 = *(u32 *)(r6 +24)
   538  *(u8 *)(r10 -33) = r1
   539  r1 >>= 8
   540  *(u8 *)(r10 -34) = r1
   541  r1 = r6
   542  call skb_vlan_pop
   543  if r0 != 0 goto drop
   544  r7 = 12
   545  r1 = *(u32 *)(r6 +20)
   546  if r1 == 0 goto rewrite_tags
        ; the protocol is as in the frame, the rest in the machine's order
   547  r1 = *(u32 *)(r6 +28)
   548  *(u16 *)(r10 -32) = r1
   549  r1 = *(u32 *)(r6 +24)
   550  *(u8 *)(r10 -29) = r1
   551  r1 >>= 8
   552  *(u8 *)(r10 -30) = r1
   553  r1 = r6
   554  call skb_vlan_pop
   555  if r0 != 0 goto drop
   556  r7 = 16
   557  r1 = *(u32 *)(r6 +20)
   558  if r1 == 0 goto rewrite_tags
   559  goto drop
rewrite_tags:
   560  r1 = r6
   561  r2 = r7
   562  r2 += 8
   563  r3 = 0
   564  call skb_change_head
   565  if r0 != 0 goto drop
        ; the addresses go in front of the tags
   566  r2 = r7
   567  r2 += 8
   568  r1 = r6
   569  r3 = r10
   570  r3 += -56
   571  r4 = 12
   572  call skb_load_bytes
   573  if r0 != 0 goto drop
   574  r1 = r6
   575  r2 = 0
   576  r3 = r10
   577  r3 += -64
   578  r4 = r7
   579  r4 += 20
   580  r5 = 0
   581  call skb_store_bytes
   582  if r0 != 0 goto drop
   583  r0 = 0
   584  exit
drop:
   585  r0 = 2
   586  exit

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
