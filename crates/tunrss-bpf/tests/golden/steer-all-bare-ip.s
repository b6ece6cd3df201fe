; at most 460 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_steer (SOCKET_FILTER), 456 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
        ; too short for any IP header
     3  if r7 < 20 goto unclassified
     4  if r7 >= 44 goto load_full
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
    24  r4 = 44
    25  call skb_load_bytes
loaded:
        ; IP version
    26  r1 = *(u8 *)(r10 -64)
    27  r1 >>= 4
    28  if r1 == 4 goto ipv4
    29  if r1 == 6 goto ipv6
    30  goto unclassified
ipv4:
    31  r1 = *(u8 *)(r10 -64)
        ; a fragment has no ports
    32  r2 = *(u16 *)(r10 -58)
    33  if r2 & 0xff3f goto ipv4_only
    34  r2 = *(u8 *)(r10 -55)
    35  if r2 == 6 goto ipv4_ports
    36  if r2 == 17 goto ipv4_ports
ipv4_only:
    37  r0 = 0
    38  goto ipv4_hash_addresses
ipv4_ports:
    39  if r1 != 69 goto ipv4_options
    40  if r7 < 24 goto ipv4_only
    41  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    42  r2 = r1
    43  r2 &= 15
    44  if r2 < 5 goto ipv4_only
    45  r2 <<= 2
    46  r2 += r8
    47  r2 += 0
    48  r1 = r6
    49  r3 = r10
    50  r3 += -44
    51  r4 = 4
    52  call skb_load_bytes
    53  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    54  r0 = 0
        ; hash input bytes 8 to 11
    55  r1 = .rodata +8192 ll
    57  r2 = *(u8 *)(r10 -44)
    58  r2 <<= 2
    59  r2 += r1
    60  r2 = *(u32 *)(r2 +0)
    61  r0 ^= r2
    62  r2 = *(u8 *)(r10 -43)
    63  r2 <<= 2
    64  r2 += r1
    65  r2 = *(u32 *)(r2 +1024)
    66  r0 ^= r2
    67  r2 = *(u8 *)(r10 -42)
    68  r2 <<= 2
    69  r2 += r1
    70  r2 = *(u32 *)(r2 +2048)
    71  r0 ^= r2
    72  r2 = *(u8 *)(r10 -41)
    73  r2 <<= 2
    74  r2 += r1
    75  r2 = *(u32 *)(r2 +3072)
    76  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    77  r1 = .rodata +0 ll
    79  r2 = *(u8 *)(r10 -52)
    80  r2 <<= 2
    81  r2 += r1
    82  r2 = *(u32 *)(r2 +0)
    83  r0 ^= r2
    84  r2 = *(u8 *)(r10 -51)
    85  r2 <<= 2
    86  r2 += r1
    87  r2 = *(u32 *)(r2 +1024)
    88  r0 ^= r2
    89  r2 = *(u8 *)(r10 -50)
    90  r2 <<= 2
    91  r2 += r1
    92  r2 = *(u32 *)(r2 +2048)
    93  r0 ^= r2
    94  r2 = *(u8 *)(r10 -49)
    95  r2 <<= 2
    96  r2 += r1
    97  r2 = *(u32 *)(r2 +3072)
    98  r0 ^= r2
    99  r2 = *(u8 *)(r10 -48)
   100  r2 <<= 2
   101  r2 += r1
   102  r2 = *(u32 *)(r2 +4096)
   103  r0 ^= r2
   104  r2 = *(u8 *)(r10 -47)
   105  r2 <<= 2
   106  r2 += r1
   107  r2 = *(u32 *)(r2 +5120)
   108  r0 ^= r2
   109  r2 = *(u8 *)(r10 -46)
   110  r2 <<= 2
   111  r2 += r1
   112  r2 = *(u32 *)(r2 +6144)
   113  r0 ^= r2
   114  r2 = *(u8 *)(r10 -45)
   115  r2 <<= 2
   116  r2 += r1
   117  r2 = *(u32 *)(r2 +7168)
   118  r0 ^= r2
   119  goto table
ipv6:
   120  if r7 < 40 goto unclassified
   121  r9 = *(u8 *)(r10 -58)
   122  if r9 == 6 goto ipv6_ports
   123  if r9 == 17 goto ipv6_ports
   124  if r9 == 0 goto walk
   125  if r9 == 43 goto walk
   126  if r9 == 44 goto walk
   127  if r9 == 51 goto walk
   128  if r9 == 60 goto walk
   129  if r9 == 135 goto walk
ipv6_only:
   130  r0 = 0
   131  goto ipv6_hash_addresses
ipv6_ports:
   132  if r7 < 44 goto ipv6_only
   133  goto ipv6_hash_ports
walk:
   134  r8 += 40
   135  r7 = 0
   136  *(u64 *)(r10 -80) = 0
   137  *(u64 *)(r10 -96) = 0
walk_header:
   138  if r9 == 44 goto walk_no_ports
   139  if r7 == 11 goto walk_no_ports
   140  r7 += 1
   141  r2 = r8
   142  r1 = r6
   143  r3 = r10
   144  r3 += -68
   145  r4 = 4
   146  call skb_load_bytes
   147  if r0 != 0 goto walk_no_ports
   148  if r9 == 43 goto walk_routing
   149  if r9 == 60 goto walk_destination
walk_advance:
   150  r1 = *(u8 *)(r10 -67)
   151  if r9 == 51 goto walk_authentication
   152  r1 += 1
   153  r1 <<= 3
   154  goto walk_next
walk_authentication:
   155  r1 += 2
   156  r1 <<= 2
walk_next:
   157  r8 += r1
   158  r9 = *(u8 *)(r10 -68)
   159  if r9 == 0 goto walk_header
   160  if r9 == 43 goto walk_header
   161  if r9 == 44 goto walk_header
   162  if r9 == 51 goto walk_header
   163  if r9 == 60 goto walk_header
   164  if r9 == 135 goto walk_header
   165  if r9 != 6 goto other_protocol
   166  r2 = r8
   167  r1 = r6
   168  r3 = r10
   169  r3 += -24
   170  r4 = 4
   171  call skb_load_bytes
   172  if r0 != 0 goto walk_no_ports
   173  r7 = 1
   174  goto substitute
other_protocol:
   175  if r9 != 17 goto other_protocol
   176  r2 = r8
   177  r1 = r6
   178  r3 = r10
   179  r3 += -24
   180  r4 = 4
   181  call skb_load_bytes
   182  if r0 != 0 goto walk_no_ports
   183  r7 = 1
   184  goto substitute
other_protocol:
walk_no_ports:
   185  r7 = 0
substitute:
   186  r2 = *(u64 *)(r10 -80)
   187  if r2 == 0 goto source_kept
   188  r2 = *(u64 *)(r10 -88)
   189  r1 = r6
   190  r3 = r10
   191  r3 += -56
   192  r4 = 16
   193  call skb_load_bytes
source_kept:
   194  r2 = *(u64 *)(r10 -96)
   195  if r2 == 0 goto destination_kept
   196  r2 = *(u64 *)(r10 -104)
   197  r1 = r6
   198  r3 = r10
   199  r3 += -40
   200  r4 = 16
   201  call skb_load_bytes
destination_kept:
   202  if r7 != 0 goto ipv6_hash_ports
   203  r0 = 0
   204  goto ipv6_hash_addresses
walk_routing:
   205  r1 = *(u64 *)(r10 -96)
   206  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   207  r1 = *(u32 *)(r10 -68)
   208  r1 >>= 8
   209  if r1 != 0x10202 goto walk_advance
   210  r1 = r8
   211  r1 += 24
   212  r2 = *(u32 *)(r6 +0)
   213  if r1 > r2 goto walk_advance
   214  r1 -= 16
   215  *(u64 *)(r10 -96) = 1
   216  *(u64 *)(r10 -104) = r1
   217  goto walk_advance
walk_destination:
   218  r1 = *(u64 *)(r10 -80)
   219  if r1 != 0 goto walk_advance
   220  *(u64 *)(r10 -112) = r8
   221  r1 = *(u8 *)(r10 -67)
   222  r1 += 1
   223  r1 <<= 3
   224  r1 += r8
   225  *(u64 *)(r10 -120) = r1
   226  r8 += 2
   227  r9 = 30
option:
   228  if r9 == 0 goto options_end
   229  r9 -= 1
   230  r1 = *(u64 *)(r10 -120)
   231  if r8 >= r1 goto options_end
   232  r2 = r8
   233  r1 = r6
   234  r3 = r10
   235  r3 += -72
   236  r4 = 2
   237  call skb_load_bytes
   238  if r0 != 0 goto options_end
   239  r1 = *(u8 *)(r10 -72)
   240  if r1 == 0 goto option_pad
   241  r2 = *(u8 *)(r10 -71)
   242  if r1 != 201 goto option_skip
   243  if r2 != 16 goto option_skip
   244  r1 = r8
   245  r1 += 18
   246  r2 = *(u64 *)(r10 -120)
   247  if r1 > r2 goto options_end
   248  r2 = *(u32 *)(r6 +0)
   249  if r1 > r2 goto options_end
   250  r8 += 2
   251  *(u64 *)(r10 -80) = 1
   252  *(u64 *)(r10 -88) = r8
   253  goto options_end
option_skip:
   254  r8 += r2
   255  r8 += 1
option_pad:
   256  r8 += 1
   257  goto option
options_end:
   258  r8 = *(u64 *)(r10 -112)
   259  r9 = 60
   260  goto walk_advance
ipv6_hash_ports:
   261  r0 = 0
        ; hash input bytes 32 to 35
   262  r1 = .rodata +32768 ll
   264  r2 = *(u8 *)(r10 -24)
   265  r2 <<= 2
   266  r2 += r1
   267  r2 = *(u32 *)(r2 +0)
   268  r0 ^= r2
   269  r2 = *(u8 *)(r10 -23)
   270  r2 <<= 2
   271  r2 += r1
   272  r2 = *(u32 *)(r2 +1024)
   273  r0 ^= r2
   274  r2 = *(u8 *)(r10 -22)
   275  r2 <<= 2
   276  r2 += r1
   277  r2 = *(u32 *)(r2 +2048)
   278  r0 ^= r2
   279  r2 = *(u8 *)(r10 -21)
   280  r2 <<= 2
   281  r2 += r1
   282  r2 = *(u32 *)(r2 +3072)
   283  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   284  r1 = .rodata +0 ll
   286  r2 = *(u8 *)(r10 -56)
   287  r2 <<= 2
   288  r2 += r1
   289  r2 = *(u32 *)(r2 +0)
   290  r0 ^= r2
   291  r2 = *(u8 *)(r10 -55)
   292  r2 <<= 2
   293  r2 += r1
   294  r2 = *(u32 *)(r2 +1024)
   295  r0 ^= r2
   296  r2 = *(u8 *)(r10 -54)
   297  r2 <<= 2
   298  r2 += r1
   299  r2 = *(u32 *)(r2 +2048)
   300  r0 ^= r2
   301  r2 = *(u8 *)(r10 -53)
   302  r2 <<= 2
   303  r2 += r1
   304  r2 = *(u32 *)(r2 +3072)
   305  r0 ^= r2
   306  r2 = *(u8 *)(r10 -52)
   307  r2 <<= 2
   308  r2 += r1
   309  r2 = *(u32 *)(r2 +4096)
   310  r0 ^= r2
   311  r2 = *(u8 *)(r10 -51)
   312  r2 <<= 2
   313  r2 += r1
   314  r2 = *(u32 *)(r2 +5120)
   315  r0 ^= r2
   316  r2 = *(u8 *)(r10 -50)
   317  r2 <<= 2
   318  r2 += r1
   319  r2 = *(u32 *)(r2 +6144)
   320  r0 ^= r2
   321  r2 = *(u8 *)(r10 -49)
   322  r2 <<= 2
   323  r2 += r1
   324  r2 = *(u32 *)(r2 +7168)
   325  r0 ^= r2
   326  r2 = *(u8 *)(r10 -48)
   327  r2 <<= 2
   328  r2 += r1
   329  r2 = *(u32 *)(r2 +8192)
   330  r0 ^= r2
   331  r2 = *(u8 *)(r10 -47)
   332  r2 <<= 2
   333  r2 += r1
   334  r2 = *(u32 *)(r2 +9216)
   335  r0 ^= r2
   336  r2 = *(u8 *)(r10 -46)
   337  r2 <<= 2
   338  r2 += r1
   339  r2 = *(u32 *)(r2 +10240)
   340  r0 ^= r2
   341  r2 = *(u8 *)(r10 -45)
   342  r2 <<= 2
   343  r2 += r1
   344  r2 = *(u32 *)(r2 +11264)
   345  r0 ^= r2
   346  r2 = *(u8 *)(r10 -44)
   347  r2 <<= 2
   348  r2 += r1
   349  r2 = *(u32 *)(r2 +12288)
   350  r0 ^= r2
   351  r2 = *(u8 *)(r10 -43)
   352  r2 <<= 2
   353  r2 += r1
   354  r2 = *(u32 *)(r2 +13312)
   355  r0 ^= r2
   356  r2 = *(u8 *)(r10 -42)
   357  r2 <<= 2
   358  r2 += r1
   359  r2 = *(u32 *)(r2 +14336)
   360  r0 ^= r2
   361  r2 = *(u8 *)(r10 -41)
   362  r2 <<= 2
   363  r2 += r1
   364  r2 = *(u32 *)(r2 +15360)
   365  r0 ^= r2
   366  r2 = *(u8 *)(r10 -40)
   367  r2 <<= 2
   368  r2 += r1
   369  r2 = *(u32 *)(r2 +16384)
   370  r0 ^= r2
   371  r2 = *(u8 *)(r10 -39)
   372  r2 <<= 2
   373  r2 += r1
   374  r2 = *(u32 *)(r2 +17408)
   375  r0 ^= r2
   376  r2 = *(u8 *)(r10 -38)
   377  r2 <<= 2
   378  r2 += r1
   379  r2 = *(u32 *)(r2 +18432)
   380  r0 ^= r2
   381  r2 = *(u8 *)(r10 -37)
   382  r2 <<= 2
   383  r2 += r1
   384  r2 = *(u32 *)(r2 +19456)
   385  r0 ^= r2
   386  r2 = *(u8 *)(r10 -36)
   387  r2 <<= 2
   388  r2 += r1
   389  r2 = *(u32 *)(r2 +20480)
   390  r0 ^= r2
   391  r2 = *(u8 *)(r10 -35)
   392  r2 <<= 2
   393  r2 += r1
   394  r2 = *(u32 *)(r2 +21504)
   395  r0 ^= r2
   396  r2 = *(u8 *)(r10 -34)
   397  r2 <<= 2
   398  r2 += r1
   399  r2 = *(u32 *)(r2 +22528)
   400  r0 ^= r2
   401  r2 = *(u8 *)(r10 -33)
   402  r2 <<= 2
   403  r2 += r1
   404  r2 = *(u32 *)(r2 +23552)
   405  r0 ^= r2
   406  r2 = *(u8 *)(r10 -32)
   407  r2 <<= 2
   408  r2 += r1
   409  r2 = *(u32 *)(r2 +24576)
   410  r0 ^= r2
   411  r2 = *(u8 *)(r10 -31)
   412  r2 <<= 2
   413  r2 += r1
   414  r2 = *(u32 *)(r2 +25600)
   415  r0 ^= r2
   416  r2 = *(u8 *)(r10 -30)
   417  r2 <<= 2
   418  r2 += r1
   419  r2 = *(u32 *)(r2 +26624)
   420  r0 ^= r2
   421  r2 = *(u8 *)(r10 -29)
   422  r2 <<= 2
   423  r2 += r1
   424  r2 = *(u32 *)(r2 +27648)
   425  r0 ^= r2
   426  r2 = *(u8 *)(r10 -28)
   427  r2 <<= 2
   428  r2 += r1
   429  r2 = *(u32 *)(r2 +28672)
   430  r0 ^= r2
   431  r2 = *(u8 *)(r10 -27)
   432  r2 <<= 2
   433  r2 += r1
   434  r2 = *(u32 *)(r2 +29696)
   435  r0 ^= r2
   436  r2 = *(u8 *)(r10 -26)
   437  r2 <<= 2
   438  r2 += r1
   439  r2 = *(u32 *)(r2 +30720)
   440  r0 ^= r2
   441  r2 = *(u8 *)(r10 -25)
   442  r2 <<= 2
   443  r2 += r1
   444  r2 = *(u32 *)(r2 +31744)
   445  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   446  r1 = r0
   447  r1 &= 127
   448  r1 <<= 1
   449  r2 = .data +32 ll
   451  r2 += r1
   452  r0 = *(u16 *)(r2 +0)
   453  exit
unclassified:
   454  r0 = 0
   455  exit
