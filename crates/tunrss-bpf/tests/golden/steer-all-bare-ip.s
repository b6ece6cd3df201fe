; at most 470 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 465 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
        ; too short for any IP header
     5  if r7 < 20 goto unclassified
     6  if r7 >= 44 goto load_full
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
    26  r4 = 44
    27  call skb_load_bytes
loaded:
        ; IP version
    28  r1 = *(u8 *)(r10 -64)
    29  r1 >>= 4
    30  if r1 == 4 goto ipv4
    31  if r1 == 6 goto ipv6
    32  goto unclassified
ipv4:
    33  r1 = *(u8 *)(r10 -64)
        ; a fragment has no ports
    34  r2 = *(u16 *)(r10 -58)
    35  if r2 & 0xff3f goto ipv4_only
    36  r2 = *(u8 *)(r10 -55)
    37  if r2 == 6 goto ipv4_ports
    38  if r2 == 17 goto ipv4_ports
ipv4_only:
    39  r0 = 0
    40  goto ipv4_hash_addresses
ipv4_ports:
    41  if r1 != 69 goto ipv4_options
    42  if r7 < 24 goto ipv4_only
    43  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    44  r2 = r1
    45  r2 &= 15
    46  if r2 < 5 goto ipv4_only
    47  r2 <<= 2
    48  r2 += r8
    49  r2 += 0
    50  r1 = r6
    51  r3 = r10
    52  r3 += -44
    53  r4 = 4
    54  call skb_load_bytes
    55  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    56  r0 = 0
        ; hash input bytes 8 to 11
    57  r1 = .rodata +8192 ll
    59  r2 = *(u8 *)(r10 -44)
    60  r2 <<= 2
    61  r2 += r1
    62  r2 = *(u32 *)(r2 +0)
    63  r0 ^= r2
    64  r2 = *(u8 *)(r10 -43)
    65  r2 <<= 2
    66  r2 += r1
    67  r2 = *(u32 *)(r2 +1024)
    68  r0 ^= r2
    69  r2 = *(u8 *)(r10 -42)
    70  r2 <<= 2
    71  r2 += r1
    72  r2 = *(u32 *)(r2 +2048)
    73  r0 ^= r2
    74  r2 = *(u8 *)(r10 -41)
    75  r2 <<= 2
    76  r2 += r1
    77  r2 = *(u32 *)(r2 +3072)
    78  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    79  r1 = .rodata +0 ll
    81  r2 = *(u8 *)(r10 -52)
    82  r2 <<= 2
    83  r2 += r1
    84  r2 = *(u32 *)(r2 +0)
    85  r0 ^= r2
    86  r2 = *(u8 *)(r10 -51)
    87  r2 <<= 2
    88  r2 += r1
    89  r2 = *(u32 *)(r2 +1024)
    90  r0 ^= r2
    91  r2 = *(u8 *)(r10 -50)
    92  r2 <<= 2
    93  r2 += r1
    94  r2 = *(u32 *)(r2 +2048)
    95  r0 ^= r2
    96  r2 = *(u8 *)(r10 -49)
    97  r2 <<= 2
    98  r2 += r1
    99  r2 = *(u32 *)(r2 +3072)
   100  r0 ^= r2
   101  r2 = *(u8 *)(r10 -48)
   102  r2 <<= 2
   103  r2 += r1
   104  r2 = *(u32 *)(r2 +4096)
   105  r0 ^= r2
   106  r2 = *(u8 *)(r10 -47)
   107  r2 <<= 2
   108  r2 += r1
   109  r2 = *(u32 *)(r2 +5120)
   110  r0 ^= r2
   111  r2 = *(u8 *)(r10 -46)
   112  r2 <<= 2
   113  r2 += r1
   114  r2 = *(u32 *)(r2 +6144)
   115  r0 ^= r2
   116  r2 = *(u8 *)(r10 -45)
   117  r2 <<= 2
   118  r2 += r1
   119  r2 = *(u32 *)(r2 +7168)
   120  r0 ^= r2
   121  goto table
ipv6:
   122  if r7 < 40 goto unclassified
   123  r9 = *(u8 *)(r10 -58)
   124  if r9 == 6 goto ipv6_ports
   125  if r9 == 17 goto ipv6_ports
   126  if r9 == 0 goto walk
   127  if r9 == 43 goto walk
   128  if r9 == 44 goto walk
   129  if r9 == 51 goto walk
   130  if r9 == 60 goto walk
   131  if r9 == 135 goto walk
ipv6_only:
   132  r0 = 0
   133  goto ipv6_hash_addresses
ipv6_ports:
   134  if r7 < 44 goto ipv6_only
   135  goto ipv6_hash_ports
walk:
   136  r8 += 40
   137  r7 = 0
   138  *(u64 *)(r10 -80) = 0
   139  *(u64 *)(r10 -96) = 0
walk_header:
   140  if r9 == 44 goto walk_no_ports
   141  if r7 == 11 goto walk_no_ports
   142  r7 += 1
   143  r2 = r8
   144  r1 = r6
   145  r3 = r10
   146  r3 += -68
   147  r4 = 4
   148  call skb_load_bytes
   149  if r0 != 0 goto walk_no_ports
   150  if r9 == 43 goto walk_routing
   151  if r9 == 60 goto walk_destination
walk_advance:
   152  r1 = *(u8 *)(r10 -67)
   153  if r9 == 51 goto walk_authentication
   154  r1 += 1
   155  r1 <<= 3
   156  goto walk_next
walk_authentication:
   157  r1 += 2
   158  r1 <<= 2
walk_next:
   159  r8 += r1
   160  r9 = *(u8 *)(r10 -68)
   161  if r9 == 0 goto walk_header
   162  if r9 == 43 goto walk_header
   163  if r9 == 44 goto walk_header
   164  if r9 == 51 goto walk_header
   165  if r9 == 60 goto walk_header
   166  if r9 == 135 goto walk_header
   167  if r9 != 6 goto other_protocol
   168  r2 = r8
   169  r1 = r6
   170  r3 = r10
   171  r3 += -24
   172  r4 = 4
   173  call skb_load_bytes
   174  if r0 != 0 goto walk_no_ports
   175  r7 = 1
   176  goto substitute
other_protocol:
   177  if r9 != 17 goto other_protocol
   178  r2 = r8
   179  r1 = r6
   180  r3 = r10
   181  r3 += -24
   182  r4 = 4
   183  call skb_load_bytes
   184  if r0 != 0 goto walk_no_ports
   185  r7 = 1
   186  goto substitute
other_protocol:
walk_no_ports:
   187  r7 = 0
substitute:
   188  r2 = *(u64 *)(r10 -80)
   189  if r2 == 0 goto source_kept
   190  r2 = *(u64 *)(r10 -88)
   191  r1 = r6
   192  r3 = r10
   193  r3 += -56
   194  r4 = 16
   195  call skb_load_bytes
source_kept:
   196  r2 = *(u64 *)(r10 -96)
   197  if r2 == 0 goto destination_kept
   198  r2 = *(u64 *)(r10 -104)
   199  r1 = r6
   200  r3 = r10
   201  r3 += -40
   202  r4 = 16
   203  call skb_load_bytes
destination_kept:
   204  if r7 != 0 goto ipv6_hash_ports
   205  r0 = 0
   206  goto ipv6_hash_addresses
walk_routing:
   207  r1 = *(u64 *)(r10 -96)
   208  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   209  r1 = *(u32 *)(r10 -68)
   210  r1 >>= 8
   211  if r1 != 0x10202 goto walk_advance
   212  r1 = r8
   213  r1 += 24
   214  r2 = *(u32 *)(r6 +0)
   215  if r1 > r2 goto walk_advance
   216  r1 -= 16
   217  *(u64 *)(r10 -96) = 1
   218  *(u64 *)(r10 -104) = r1
   219  goto walk_advance
walk_destination:
   220  r1 = *(u64 *)(r10 -80)
   221  if r1 != 0 goto walk_advance
   222  *(u64 *)(r10 -112) = r8
   223  r1 = *(u8 *)(r10 -67)
   224  r1 += 1
   225  r1 <<= 3
   226  r1 += r8
   227  *(u64 *)(r10 -120) = r1
   228  r8 += 2
   229  r9 = 30
option:
   230  if r9 == 0 goto options_end
   231  r9 -= 1
   232  r1 = *(u64 *)(r10 -120)
   233  if r8 >= r1 goto options_end
   234  r2 = r8
   235  r1 = r6
   236  r3 = r10
   237  r3 += -72
   238  r4 = 2
   239  call skb_load_bytes
   240  if r0 != 0 goto options_end
   241  r1 = *(u8 *)(r10 -72)
   242  if r1 == 0 goto option_pad
   243  r2 = *(u8 *)(r10 -71)
   244  if r1 != 201 goto option_skip
   245  if r2 != 16 goto option_skip
   246  r1 = r8
   247  r1 += 18
   248  r2 = *(u64 *)(r10 -120)
   249  if r1 > r2 goto options_end
   250  r2 = *(u32 *)(r6 +0)
   251  if r1 > r2 goto options_end
   252  r8 += 2
   253  *(u64 *)(r10 -80) = 1
   254  *(u64 *)(r10 -88) = r8
   255  goto options_end
option_skip:
   256  r8 += r2
   257  r8 += 1
option_pad:
   258  r8 += 1
   259  goto option
options_end:
   260  r8 = *(u64 *)(r10 -112)
   261  r9 = 60
   262  goto walk_advance
ipv6_hash_ports:
   263  r0 = 0
        ; hash input bytes 32 to 35
   264  r1 = .rodata +32768 ll
   266  r2 = *(u8 *)(r10 -24)
   267  r2 <<= 2
   268  r2 += r1
   269  r2 = *(u32 *)(r2 +0)
   270  r0 ^= r2
   271  r2 = *(u8 *)(r10 -23)
   272  r2 <<= 2
   273  r2 += r1
   274  r2 = *(u32 *)(r2 +1024)
   275  r0 ^= r2
   276  r2 = *(u8 *)(r10 -22)
   277  r2 <<= 2
   278  r2 += r1
   279  r2 = *(u32 *)(r2 +2048)
   280  r0 ^= r2
   281  r2 = *(u8 *)(r10 -21)
   282  r2 <<= 2
   283  r2 += r1
   284  r2 = *(u32 *)(r2 +3072)
   285  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   286  r1 = .rodata +0 ll
   288  r2 = *(u8 *)(r10 -56)
   289  r2 <<= 2
   290  r2 += r1
   291  r2 = *(u32 *)(r2 +0)
   292  r0 ^= r2
   293  r2 = *(u8 *)(r10 -55)
   294  r2 <<= 2
   295  r2 += r1
   296  r2 = *(u32 *)(r2 +1024)
   297  r0 ^= r2
   298  r2 = *(u8 *)(r10 -54)
   299  r2 <<= 2
   300  r2 += r1
   301  r2 = *(u32 *)(r2 +2048)
   302  r0 ^= r2
   303  r2 = *(u8 *)(r10 -53)
   304  r2 <<= 2
   305  r2 += r1
   306  r2 = *(u32 *)(r2 +3072)
   307  r0 ^= r2
   308  r2 = *(u8 *)(r10 -52)
   309  r2 <<= 2
   310  r2 += r1
   311  r2 = *(u32 *)(r2 +4096)
   312  r0 ^= r2
   313  r2 = *(u8 *)(r10 -51)
   314  r2 <<= 2
   315  r2 += r1
   316  r2 = *(u32 *)(r2 +5120)
   317  r0 ^= r2
   318  r2 = *(u8 *)(r10 -50)
   319  r2 <<= 2
   320  r2 += r1
   321  r2 = *(u32 *)(r2 +6144)
   322  r0 ^= r2
   323  r2 = *(u8 *)(r10 -49)
   324  r2 <<= 2
   325  r2 += r1
   326  r2 = *(u32 *)(r2 +7168)
   327  r0 ^= r2
   328  r2 = *(u8 *)(r10 -48)
   329  r2 <<= 2
   330  r2 += r1
   331  r2 = *(u32 *)(r2 +8192)
   332  r0 ^= r2
   333  r2 = *(u8 *)(r10 -47)
   334  r2 <<= 2
   335  r2 += r1
   336  r2 = *(u32 *)(r2 +9216)
   337  r0 ^= r2
   338  r2 = *(u8 *)(r10 -46)
   339  r2 <<= 2
   340  r2 += r1
   341  r2 = *(u32 *)(r2 +10240)
   342  r0 ^= r2
   343  r2 = *(u8 *)(r10 -45)
   344  r2 <<= 2
   345  r2 += r1
   346  r2 = *(u32 *)(r2 +11264)
   347  r0 ^= r2
   348  r2 = *(u8 *)(r10 -44)
   349  r2 <<= 2
   350  r2 += r1
   351  r2 = *(u32 *)(r2 +12288)
   352  r0 ^= r2
   353  r2 = *(u8 *)(r10 -43)
   354  r2 <<= 2
   355  r2 += r1
   356  r2 = *(u32 *)(r2 +13312)
   357  r0 ^= r2
   358  r2 = *(u8 *)(r10 -42)
   359  r2 <<= 2
   360  r2 += r1
   361  r2 = *(u32 *)(r2 +14336)
   362  r0 ^= r2
   363  r2 = *(u8 *)(r10 -41)
   364  r2 <<= 2
   365  r2 += r1
   366  r2 = *(u32 *)(r2 +15360)
   367  r0 ^= r2
   368  r2 = *(u8 *)(r10 -40)
   369  r2 <<= 2
   370  r2 += r1
   371  r2 = *(u32 *)(r2 +16384)
   372  r0 ^= r2
   373  r2 = *(u8 *)(r10 -39)
   374  r2 <<= 2
   375  r2 += r1
   376  r2 = *(u32 *)(r2 +17408)
   377  r0 ^= r2
   378  r2 = *(u8 *)(r10 -38)
   379  r2 <<= 2
   380  r2 += r1
   381  r2 = *(u32 *)(r2 +18432)
   382  r0 ^= r2
   383  r2 = *(u8 *)(r10 -37)
   384  r2 <<= 2
   385  r2 += r1
   386  r2 = *(u32 *)(r2 +19456)
   387  r0 ^= r2
   388  r2 = *(u8 *)(r10 -36)
   389  r2 <<= 2
   390  r2 += r1
   391  r2 = *(u32 *)(r2 +20480)
   392  r0 ^= r2
   393  r2 = *(u8 *)(r10 -35)
   394  r2 <<= 2
   395  r2 += r1
   396  r2 = *(u32 *)(r2 +21504)
   397  r0 ^= r2
   398  r2 = *(u8 *)(r10 -34)
   399  r2 <<= 2
   400  r2 += r1
   401  r2 = *(u32 *)(r2 +22528)
   402  r0 ^= r2
   403  r2 = *(u8 *)(r10 -33)
   404  r2 <<= 2
   405  r2 += r1
   406  r2 = *(u32 *)(r2 +23552)
   407  r0 ^= r2
   408  r2 = *(u8 *)(r10 -32)
   409  r2 <<= 2
   410  r2 += r1
   411  r2 = *(u32 *)(r2 +24576)
   412  r0 ^= r2
   413  r2 = *(u8 *)(r10 -31)
   414  r2 <<= 2
   415  r2 += r1
   416  r2 = *(u32 *)(r2 +25600)
   417  r0 ^= r2
   418  r2 = *(u8 *)(r10 -30)
   419  r2 <<= 2
   420  r2 += r1
   421  r2 = *(u32 *)(r2 +26624)
   422  r0 ^= r2
   423  r2 = *(u8 *)(r10 -29)
   424  r2 <<= 2
   425  r2 += r1
   426  r2 = *(u32 *)(r2 +27648)
   427  r0 ^= r2
   428  r2 = *(u8 *)(r10 -28)
   429  r2 <<= 2
   430  r2 += r1
   431  r2 = *(u32 *)(r2 +28672)
   432  r0 ^= r2
   433  r2 = *(u8 *)(r10 -27)
   434  r2 <<= 2
   435  r2 += r1
   436  r2 = *(u32 *)(r2 +29696)
   437  r0 ^= r2
   438  r2 = *(u8 *)(r10 -26)
   439  r2 <<= 2
   440  r2 += r1
   441  r2 = *(u32 *)(r2 +30720)
   442  r0 ^= r2
   443  r2 = *(u8 *)(r10 -25)
   444  r2 <<= 2
   445  r2 += r1
   446  r2 = *(u32 *)(r2 +31744)
   447  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   448  r1 = r0
   449  r1 &= 127
   450  r1 <<= 1
   451  r2 = .data +80 ll
   453  r2 += r1
   454  r0 = *(u16 *)(r2 +0)
   455  exit
unclassified:
   456  r0 = 0
   457  exit
marked:
   458  if r1 == 0x7255 goto queue_noted
   459  if r1 == 0x7254 goto queue_not_noted
   460  goto unmarked
queue_noted:
   461  r0 = *(u32 *)(r6 +12)
   462  exit
queue_not_noted:
   463  r0 = *(u32 *)(r6 +68)
   464  exit
