; at most 480 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 479 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
window:
        ; too short for any IP header
     5  if r7 < 34 goto unclassified
     6  if r7 >= 58 goto load_full
        ; a short packet: what there is
     7  *(u64 *)(r10 -64) = 0
     8  *(u64 *)(r10 -56) = 0
     9  *(u64 *)(r10 -48) = 0
    10  *(u64 *)(r10 -40) = 0
    11  *(u64 *)(r10 -32) = 0
    12  *(u64 *)(r10 -24) = 0
    13  *(u64 *)(r10 -16) = 0
    14  *(u64 *)(r10 -8) = 0
    15  r2 = r8
    16  r1 = r6
    17  r3 = r10
    18  r3 += -64
    19  r4 = r7
    20  call skb_load_bytes
    21  goto loaded
load_full:
        ; link header, IP header and ports, as far as they are needed
    22  r2 = r8
    23  r1 = r6
    24  r3 = r10
    25  r3 += -64
    26  r4 = 58
    27  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    28  r1 = *(u16 *)(r10 -52)
    29  if r1 == 8 goto ipv4
    30  if r1 == 0xdd86 goto ipv6
    31  if r1 == 129 goto vlan_tag
    32  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    33  r1 = *(u32 *)(r6 +20)
    34  r1 <<= 2
    35  r1 += r8
    36  if r1 >= 8 goto unclassified
    37  r8 += 4
    38  r7 -= 4
    39  goto window
ipv4:
    40  r1 = *(u8 *)(r10 -50)
    41  if r1 == 69 goto ipv4_version_ok
    42  r2 = r1
    43  r2 >>= 4
    44  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    45  r2 = *(u16 *)(r10 -44)
    46  if r2 & 0xff3f goto ipv4_only
    47  r2 = *(u8 *)(r10 -41)
    48  if r2 == 6 goto ipv4_ports
    49  if r2 == 17 goto ipv4_ports
ipv4_only:
    50  r0 = 0
    51  goto ipv4_hash_addresses
ipv4_ports:
    52  if r1 != 69 goto ipv4_options
    53  if r7 < 38 goto ipv4_only
    54  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    55  r2 = r1
    56  r2 &= 15
    57  if r2 < 5 goto ipv4_only
    58  r2 <<= 2
    59  r2 += r8
    60  r2 += 14
    61  r1 = r6
    62  r3 = r10
    63  r3 += -30
    64  r4 = 4
    65  call skb_load_bytes
    66  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    67  r0 = 0
        ; hash input bytes 8 to 11
    68  r1 = .rodata +8192 ll
    70  r2 = *(u8 *)(r10 -30)
    71  r2 <<= 2
    72  r2 += r1
    73  r2 = *(u32 *)(r2 +0)
    74  r0 ^= r2
    75  r2 = *(u8 *)(r10 -29)
    76  r2 <<= 2
    77  r2 += r1
    78  r2 = *(u32 *)(r2 +1024)
    79  r0 ^= r2
    80  r2 = *(u8 *)(r10 -28)
    81  r2 <<= 2
    82  r2 += r1
    83  r2 = *(u32 *)(r2 +2048)
    84  r0 ^= r2
    85  r2 = *(u8 *)(r10 -27)
    86  r2 <<= 2
    87  r2 += r1
    88  r2 = *(u32 *)(r2 +3072)
    89  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    90  r1 = .rodata +0 ll
    92  r2 = *(u8 *)(r10 -38)
    93  r2 <<= 2
    94  r2 += r1
    95  r2 = *(u32 *)(r2 +0)
    96  r0 ^= r2
    97  r2 = *(u8 *)(r10 -37)
    98  r2 <<= 2
    99  r2 += r1
   100  r2 = *(u32 *)(r2 +1024)
   101  r0 ^= r2
   102  r2 = *(u8 *)(r10 -36)
   103  r2 <<= 2
   104  r2 += r1
   105  r2 = *(u32 *)(r2 +2048)
   106  r0 ^= r2
   107  r2 = *(u8 *)(r10 -35)
   108  r2 <<= 2
   109  r2 += r1
   110  r2 = *(u32 *)(r2 +3072)
   111  r0 ^= r2
   112  r2 = *(u8 *)(r10 -34)
   113  r2 <<= 2
   114  r2 += r1
   115  r2 = *(u32 *)(r2 +4096)
   116  r0 ^= r2
   117  r2 = *(u8 *)(r10 -33)
   118  r2 <<= 2
   119  r2 += r1
   120  r2 = *(u32 *)(r2 +5120)
   121  r0 ^= r2
   122  r2 = *(u8 *)(r10 -32)
   123  r2 <<= 2
   124  r2 += r1
   125  r2 = *(u32 *)(r2 +6144)
   126  r0 ^= r2
   127  r2 = *(u8 *)(r10 -31)
   128  r2 <<= 2
   129  r2 += r1
   130  r2 = *(u32 *)(r2 +7168)
   131  r0 ^= r2
   132  goto table
ipv6:
   133  if r7 < 54 goto unclassified
   134  r1 = *(u8 *)(r10 -50)
   135  r1 >>= 4
   136  if r1 != 6 goto unclassified
   137  r9 = *(u8 *)(r10 -44)
   138  if r9 == 6 goto ipv6_ports
   139  if r9 == 17 goto ipv6_ports
   140  if r9 == 0 goto walk
   141  if r9 == 43 goto walk
   142  if r9 == 44 goto walk
   143  if r9 == 51 goto walk
   144  if r9 == 60 goto walk
   145  if r9 == 135 goto walk
ipv6_only:
   146  r0 = 0
   147  goto ipv6_hash_addresses
ipv6_ports:
   148  if r7 < 58 goto ipv6_only
   149  goto ipv6_hash_ports
walk:
   150  r8 += 54
   151  r7 = 0
   152  *(u64 *)(r10 -80) = 0
   153  *(u64 *)(r10 -96) = 0
walk_header:
   154  if r9 == 44 goto walk_no_ports
   155  if r7 == 11 goto walk_no_ports
   156  r7 += 1
   157  r2 = r8
   158  r1 = r6
   159  r3 = r10
   160  r3 += -68
   161  r4 = 4
   162  call skb_load_bytes
   163  if r0 != 0 goto walk_no_ports
   164  if r9 == 43 goto walk_routing
   165  if r9 == 60 goto walk_destination
walk_advance:
   166  r1 = *(u8 *)(r10 -67)
   167  if r9 == 51 goto walk_authentication
   168  r1 += 1
   169  r1 <<= 3
   170  goto walk_next
walk_authentication:
   171  r1 += 2
   172  r1 <<= 2
walk_next:
   173  r8 += r1
   174  r9 = *(u8 *)(r10 -68)
   175  if r9 == 0 goto walk_header
   176  if r9 == 43 goto walk_header
   177  if r9 == 44 goto walk_header
   178  if r9 == 51 goto walk_header
   179  if r9 == 60 goto walk_header
   180  if r9 == 135 goto walk_header
   181  if r9 != 6 goto other_protocol
   182  r2 = r8
   183  r1 = r6
   184  r3 = r10
   185  r3 += -10
   186  r4 = 4
   187  call skb_load_bytes
   188  if r0 != 0 goto walk_no_ports
   189  r7 = 1
   190  goto substitute
other_protocol:
   191  if r9 != 17 goto other_protocol
   192  r2 = r8
   193  r1 = r6
   194  r3 = r10
   195  r3 += -10
   196  r4 = 4
   197  call skb_load_bytes
   198  if r0 != 0 goto walk_no_ports
   199  r7 = 1
   200  goto substitute
other_protocol:
walk_no_ports:
   201  r7 = 0
substitute:
   202  r2 = *(u64 *)(r10 -80)
   203  if r2 == 0 goto source_kept
   204  r2 = *(u64 *)(r10 -88)
   205  r1 = r6
   206  r3 = r10
   207  r3 += -42
   208  r4 = 16
   209  call skb_load_bytes
source_kept:
   210  r2 = *(u64 *)(r10 -96)
   211  if r2 == 0 goto destination_kept
   212  r2 = *(u64 *)(r10 -104)
   213  r1 = r6
   214  r3 = r10
   215  r3 += -26
   216  r4 = 16
   217  call skb_load_bytes
destination_kept:
   218  if r7 != 0 goto ipv6_hash_ports
   219  r0 = 0
   220  goto ipv6_hash_addresses
walk_routing:
   221  r1 = *(u64 *)(r10 -96)
   222  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   223  r1 = *(u32 *)(r10 -68)
   224  r1 >>= 8
   225  if r1 != 0x10202 goto walk_advance
   226  r1 = r8
   227  r1 += 24
   228  r2 = *(u32 *)(r6 +0)
   229  if r1 > r2 goto walk_advance
   230  r1 -= 16
   231  *(u64 *)(r10 -96) = 1
   232  *(u64 *)(r10 -104) = r1
   233  goto walk_advance
walk_destination:
   234  r1 = *(u64 *)(r10 -80)
   235  if r1 != 0 goto walk_advance
   236  *(u64 *)(r10 -112) = r8
   237  r1 = *(u8 *)(r10 -67)
   238  r1 += 1
   239  r1 <<= 3
   240  r1 += r8
   241  *(u64 *)(r10 -120) = r1
   242  r8 += 2
   243  r9 = 30
option:
   244  if r9 == 0 goto options_end
   245  r9 -= 1
   246  r1 = *(u64 *)(r10 -120)
   247  if r8 >= r1 goto options_end
   248  r2 = r8
   249  r1 = r6
   250  r3 = r10
   251  r3 += -72
   252  r4 = 2
   253  call skb_load_bytes
   254  if r0 != 0 goto options_end
   255  r1 = *(u8 *)(r10 -72)
   256  if r1 == 0 goto option_pad
   257  r2 = *(u8 *)(r10 -71)
   258  if r1 != 201 goto option_skip
   259  if r2 != 16 goto option_skip
   260  r1 = r8
   261  r1 += 18
   262  r2 = *(u64 *)(r10 -120)
   263  if r1 > r2 goto options_end
   264  r2 = *(u32 *)(r6 +0)
   265  if r1 > r2 goto options_end
   266  r8 += 2
   267  *(u64 *)(r10 -80) = 1
   268  *(u64 *)(r10 -88) = r8
   269  goto options_end
option_skip:
   270  r8 += r2
   271  r8 += 1
option_pad:
   272  r8 += 1
   273  goto option
options_end:
   274  r8 = *(u64 *)(r10 -112)
   275  r9 = 60
   276  goto walk_advance
ipv6_hash_ports:
   277  r0 = 0
        ; hash input bytes 32 to 35
   278  r1 = .rodata +32768 ll
   280  r2 = *(u8 *)(r10 -10)
   281  r2 <<= 2
   282  r2 += r1
   283  r2 = *(u32 *)(r2 +0)
   284  r0 ^= r2
   285  r2 = *(u8 *)(r10 -9)
   286  r2 <<= 2
   287  r2 += r1
   288  r2 = *(u32 *)(r2 +1024)
   289  r0 ^= r2
   290  r2 = *(u8 *)(r10 -8)
   291  r2 <<= 2
   292  r2 += r1
   293  r2 = *(u32 *)(r2 +2048)
   294  r0 ^= r2
   295  r2 = *(u8 *)(r10 -7)
   296  r2 <<= 2
   297  r2 += r1
   298  r2 = *(u32 *)(r2 +3072)
   299  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   300  r1 = .rodata +0 ll
   302  r2 = *(u8 *)(r10 -42)
   303  r2 <<= 2
   304  r2 += r1
   305  r2 = *(u32 *)(r2 +0)
   306  r0 ^= r2
   307  r2 = *(u8 *)(r10 -41)
   308  r2 <<= 2
   309  r2 += r1
   310  r2 = *(u32 *)(r2 +1024)
   311  r0 ^= r2
   312  r2 = *(u8 *)(r10 -40)
   313  r2 <<= 2
   314  r2 += r1
   315  r2 = *(u32 *)(r2 +2048)
   316  r0 ^= r2
   317  r2 = *(u8 *)(r10 -39)
   318  r2 <<= 2
   319  r2 += r1
   320  r2 = *(u32 *)(r2 +3072)
   321  r0 ^= r2
   322  r2 = *(u8 *)(r10 -38)
   323  r2 <<= 2
   324  r2 += r1
   325  r2 = *(u32 *)(r2 +4096)
   326  r0 ^= r2
   327  r2 = *(u8 *)(r10 -37)
   328  r2 <<= 2
   329  r2 += r1
   330  r2 = *(u32 *)(r2 +5120)
   331  r0 ^= r2
   332  r2 = *(u8 *)(r10 -36)
   333  r2 <<= 2
   334  r2 += r1
   335  r2 = *(u32 *)(r2 +6144)
   336  r0 ^= r2
   337  r2 = *(u8 *)(r10 -35)
   338  r2 <<= 2
   339  r2 += r1
   340  r2 = *(u32 *)(r2 +7168)
   341  r0 ^= r2
   342  r2 = *(u8 *)(r10 -34)
   343  r2 <<= 2
   344  r2 += r1
   345  r2 = *(u32 *)(r2 +8192)
   346  r0 ^= r2
   347  r2 = *(u8 *)(r10 -33)
   348  r2 <<= 2
   349  r2 += r1
   350  r2 = *(u32 *)(r2 +9216)
   351  r0 ^= r2
   352  r2 = *(u8 *)(r10 -32)
   353  r2 <<= 2
   354  r2 += r1
   355  r2 = *(u32 *)(r2 +10240)
   356  r0 ^= r2
   357  r2 = *(u8 *)(r10 -31)
   358  r2 <<= 2
   359  r2 += r1
   360  r2 = *(u32 *)(r2 +11264)
   361  r0 ^= r2
   362  r2 = *(u8 *)(r10 -30)
   363  r2 <<= 2
   364  r2 += r1
   365  r2 = *(u32 *)(r2 +12288)
   366  r0 ^= r2
   367  r2 = *(u8 *)(r10 -29)
   368  r2 <<= 2
   369  r2 += r1
   370  r2 = *(u32 *)(r2 +13312)
   371  r0 ^= r2
   372  r2 = *(u8 *)(r10 -28)
   373  r2 <<= 2
   374  r2 += r1
   375  r2 = *(u32 *)(r2 +14336)
   376  r0 ^= r2
   377  r2 = *(u8 *)(r10 -27)
   378  r2 <<= 2
   379  r2 += r1
   380  r2 = *(u32 *)(r2 +15360)
   381  r0 ^= r2
   382  r2 = *(u8 *)(r10 -26)
   383  r2 <<= 2
   384  r2 += r1
   385  r2 = *(u32 *)(r2 +16384)
   386  r0 ^= r2
   387  r2 = *(u8 *)(r10 -25)
   388  r2 <<= 2
   389  r2 += r1
   390  r2 = *(u32 *)(r2 +17408)
   391  r0 ^= r2
   392  r2 = *(u8 *)(r10 -24)
   393  r2 <<= 2
   394  r2 += r1
   395  r2 = *(u32 *)(r2 +18432)
   396  r0 ^= r2
   397  r2 = *(u8 *)(r10 -23)
   398  r2 <<= 2
   399  r2 += r1
   400  r2 = *(u32 *)(r2 +19456)
   401  r0 ^= r2
   402  r2 = *(u8 *)(r10 -22)
   403  r2 <<= 2
   404  r2 += r1
   405  r2 = *(u32 *)(r2 +20480)
   406  r0 ^= r2
   407  r2 = *(u8 *)(r10 -21)
   408  r2 <<= 2
   409  r2 += r1
   410  r2 = *(u32 *)(r2 +21504)
   411  r0 ^= r2
   412  r2 = *(u8 *)(r10 -20)
   413  r2 <<= 2
   414  r2 += r1
   415  r2 = *(u32 *)(r2 +22528)
   416  r0 ^= r2
   417  r2 = *(u8 *)(r10 -19)
   418  r2 <<= 2
   419  r2 += r1
   420  r2 = *(u32 *)(r2 +23552)
   421  r0 ^= r2
   422  r2 = *(u8 *)(r10 -18)
   423  r2 <<= 2
   424  r2 += r1
   425  r2 = *(u32 *)(r2 +24576)
   426  r0 ^= r2
   427  r2 = *(u8 *)(r10 -17)
   428  r2 <<= 2
   429  r2 += r1
   430  r2 = *(u32 *)(r2 +25600)
   431  r0 ^= r2
   432  r2 = *(u8 *)(r10 -16)
   433  r2 <<= 2
   434  r2 += r1
   435  r2 = *(u32 *)(r2 +26624)
   436  r0 ^= r2
   437  r2 = *(u8 *)(r10 -15)
   438  r2 <<= 2
   439  r2 += r1
   440  r2 = *(u32 *)(r2 +27648)
   441  r0 ^= r2
   442  r2 = *(u8 *)(r10 -14)
   443  r2 <<= 2
   444  r2 += r1
   445  r2 = *(u32 *)(r2 +28672)
   446  r0 ^= r2
   447  r2 = *(u8 *)(r10 -13)
   448  r2 <<= 2
   449  r2 += r1
   450  r2 = *(u32 *)(r2 +29696)
   451  r0 ^= r2
   452  r2 = *(u8 *)(r10 -12)
   453  r2 <<= 2
   454  r2 += r1
   455  r2 = *(u32 *)(r2 +30720)
   456  r0 ^= r2
   457  r2 = *(u8 *)(r10 -11)
   458  r2 <<= 2
   459  r2 += r1
   460  r2 = *(u32 *)(r2 +31744)
   461  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   462  r1 = r0
   463  r1 &= 127
   464  r1 <<= 1
   465  r2 = .data +80 ll
   467  r2 += r1
   468  r0 = *(u16 *)(r2 +0)
   469  exit
unclassified:
   470  r0 = 0
   471  exit
marked:
   472  if r1 == 0x7255 goto queue_noted
   473  if r1 == 0x7254 goto queue_not_noted
   474  goto unmarked
queue_noted:
   475  r0 = *(u32 *)(r6 +12)
   476  exit
queue_not_noted:
   477  r0 = *(u32 *)(r6 +68)
   478  exit
