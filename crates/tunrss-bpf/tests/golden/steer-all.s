; at most 470 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_steer (SOCKET_FILTER), 470 instructions
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
    46  if r2 == 6 goto ipv4_ports
    47  if r2 == 17 goto ipv4_ports
ipv4_only:
    48  r0 = 0
    49  goto ipv4_hash_addresses
ipv4_ports:
    50  if r1 != 69 goto ipv4_options
    51  if r7 < 38 goto ipv4_only
    52  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    53  r2 = r1
    54  r2 &= 15
    55  if r2 < 5 goto ipv4_only
    56  r2 <<= 2
    57  r2 += r8
    58  r2 += 14
    59  r1 = r6
    60  r3 = r10
    61  r3 += -30
    62  r4 = 4
    63  call skb_load_bytes
    64  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    65  r0 = 0
        ; hash input bytes 8 to 11
    66  r1 = .rodata +8192 ll
    68  r2 = *(u8 *)(r10 -30)
    69  r2 <<= 2
    70  r2 += r1
    71  r2 = *(u32 *)(r2 +0)
    72  r0 ^= r2
    73  r2 = *(u8 *)(r10 -29)
    74  r2 <<= 2
    75  r2 += r1
    76  r2 = *(u32 *)(r2 +1024)
    77  r0 ^= r2
    78  r2 = *(u8 *)(r10 -28)
    79  r2 <<= 2
    80  r2 += r1
    81  r2 = *(u32 *)(r2 +2048)
    82  r0 ^= r2
    83  r2 = *(u8 *)(r10 -27)
    84  r2 <<= 2
    85  r2 += r1
    86  r2 = *(u32 *)(r2 +3072)
    87  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    88  r1 = .rodata +0 ll
    90  r2 = *(u8 *)(r10 -38)
    91  r2 <<= 2
    92  r2 += r1
    93  r2 = *(u32 *)(r2 +0)
    94  r0 ^= r2
    95  r2 = *(u8 *)(r10 -37)
    96  r2 <<= 2
    97  r2 += r1
    98  r2 = *(u32 *)(r2 +1024)
    99  r0 ^= r2
   100  r2 = *(u8 *)(r10 -36)
   101  r2 <<= 2
   102  r2 += r1
   103  r2 = *(u32 *)(r2 +2048)
   104  r0 ^= r2
   105  r2 = *(u8 *)(r10 -35)
   106  r2 <<= 2
   107  r2 += r1
   108  r2 = *(u32 *)(r2 +3072)
   109  r0 ^= r2
   110  r2 = *(u8 *)(r10 -34)
   111  r2 <<= 2
   112  r2 += r1
   113  r2 = *(u32 *)(r2 +4096)
   114  r0 ^= r2
   115  r2 = *(u8 *)(r10 -33)
   116  r2 <<= 2
   117  r2 += r1
   118  r2 = *(u32 *)(r2 +5120)
   119  r0 ^= r2
   120  r2 = *(u8 *)(r10 -32)
   121  r2 <<= 2
   122  r2 += r1
   123  r2 = *(u32 *)(r2 +6144)
   124  r0 ^= r2
   125  r2 = *(u8 *)(r10 -31)
   126  r2 <<= 2
   127  r2 += r1
   128  r2 = *(u32 *)(r2 +7168)
   129  r0 ^= r2
   130  goto table
ipv6:
   131  if r7 < 54 goto unclassified
   132  r1 = *(u8 *)(r10 -50)
   133  r1 >>= 4
   134  if r1 != 6 goto unclassified
   135  r9 = *(u8 *)(r10 -44)
   136  if r9 == 6 goto ipv6_ports
   137  if r9 == 17 goto ipv6_ports
   138  if r9 == 0 goto walk
   139  if r9 == 43 goto walk
   140  if r9 == 44 goto walk
   141  if r9 == 51 goto walk
   142  if r9 == 60 goto walk
   143  if r9 == 135 goto walk
ipv6_only:
   144  r0 = 0
   145  goto ipv6_hash_addresses
ipv6_ports:
   146  if r7 < 58 goto ipv6_only
   147  goto ipv6_hash_ports
walk:
   148  r8 += 54
   149  r7 = 0
   150  *(u64 *)(r10 -80) = 0
   151  *(u64 *)(r10 -96) = 0
walk_header:
   152  if r9 == 44 goto walk_no_ports
   153  if r7 == 11 goto walk_no_ports
   154  r7 += 1
   155  r2 = r8
   156  r1 = r6
   157  r3 = r10
   158  r3 += -68
   159  r4 = 4
   160  call skb_load_bytes
   161  if r0 != 0 goto walk_no_ports
   162  if r9 == 43 goto walk_routing
   163  if r9 == 60 goto walk_destination
walk_advance:
   164  r1 = *(u8 *)(r10 -67)
   165  if r9 == 51 goto walk_authentication
   166  r1 += 1
   167  r1 <<= 3
   168  goto walk_next
walk_authentication:
   169  r1 += 2
   170  r1 <<= 2
walk_next:
   171  r8 += r1
   172  r9 = *(u8 *)(r10 -68)
   173  if r9 == 0 goto walk_header
   174  if r9 == 43 goto walk_header
   175  if r9 == 44 goto walk_header
   176  if r9 == 51 goto walk_header
   177  if r9 == 60 goto walk_header
   178  if r9 == 135 goto walk_header
   179  if r9 != 6 goto other_protocol
   180  r2 = r8
   181  r1 = r6
   182  r3 = r10
   183  r3 += -10
   184  r4 = 4
   185  call skb_load_bytes
   186  if r0 != 0 goto walk_no_ports
   187  r7 = 1
   188  goto substitute
other_protocol:
   189  if r9 != 17 goto other_protocol
   190  r2 = r8
   191  r1 = r6
   192  r3 = r10
   193  r3 += -10
   194  r4 = 4
   195  call skb_load_bytes
   196  if r0 != 0 goto walk_no_ports
   197  r7 = 1
   198  goto substitute
other_protocol:
walk_no_ports:
   199  r7 = 0
substitute:
   200  r2 = *(u64 *)(r10 -80)
   201  if r2 == 0 goto source_kept
   202  r2 = *(u64 *)(r10 -88)
   203  r1 = r6
   204  r3 = r10
   205  r3 += -42
   206  r4 = 16
   207  call skb_load_bytes
source_kept:
   208  r2 = *(u64 *)(r10 -96)
   209  if r2 == 0 goto destination_kept
   210  r2 = *(u64 *)(r10 -104)
   211  r1 = r6
   212  r3 = r10
   213  r3 += -26
   214  r4 = 16
   215  call skb_load_bytes
destination_kept:
   216  if r7 != 0 goto ipv6_hash_ports
   217  r0 = 0
   218  goto ipv6_hash_addresses
walk_routing:
   219  r1 = *(u64 *)(r10 -96)
   220  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   221  r1 = *(u32 *)(r10 -68)
   222  r1 >>= 8
   223  if r1 != 0x10202 goto walk_advance
   224  r1 = r8
   225  r1 += 24
   226  r2 = *(u32 *)(r6 +0)
   227  if r1 > r2 goto walk_advance
   228  r1 -= 16
   229  *(u64 *)(r10 -96) = 1
   230  *(u64 *)(r10 -104) = r1
   231  goto walk_advance
walk_destination:
   232  r1 = *(u64 *)(r10 -80)
   233  if r1 != 0 goto walk_advance
   234  *(u64 *)(r10 -112) = r8
   235  r1 = *(u8 *)(r10 -67)
   236  r1 += 1
   237  r1 <<= 3
   238  r1 += r8
   239  *(u64 *)(r10 -120) = r1
   240  r8 += 2
   241  r9 = 30
option:
   242  if r9 == 0 goto options_end
   243  r9 -= 1
   244  r1 = *(u64 *)(r10 -120)
   245  if r8 >= r1 goto options_end
   246  r2 = r8
   247  r1 = r6
   248  r3 = r10
   249  r3 += -72
   250  r4 = 2
   251  call skb_load_bytes
   252  if r0 != 0 goto options_end
   253  r1 = *(u8 *)(r10 -72)
   254  if r1 == 0 goto option_pad
   255  r2 = *(u8 *)(r10 -71)
   256  if r1 != 201 goto option_skip
   257  if r2 != 16 goto option_skip
   258  r1 = r8
   259  r1 += 18
   260  r2 = *(u64 *)(r10 -120)
   261  if r1 > r2 goto options_end
   262  r2 = *(u32 *)(r6 +0)
   263  if r1 > r2 goto options_end
   264  r8 += 2
   265  *(u64 *)(r10 -80) = 1
   266  *(u64 *)(r10 -88) = r8
   267  goto options_end
option_skip:
   268  r8 += r2
   269  r8 += 1
option_pad:
   270  r8 += 1
   271  goto option
options_end:
   272  r8 = *(u64 *)(r10 -112)
   273  r9 = 60
   274  goto walk_advance
ipv6_hash_ports:
   275  r0 = 0
        ; hash input bytes 32 to 35
   276  r1 = .rodata +32768 ll
   278  r2 = *(u8 *)(r10 -10)
   279  r2 <<= 2
   280  r2 += r1
   281  r2 = *(u32 *)(r2 +0)
   282  r0 ^= r2
   283  r2 = *(u8 *)(r10 -9)
   284  r2 <<= 2
   285  r2 += r1
   286  r2 = *(u32 *)(r2 +1024)
   287  r0 ^= r2
   288  r2 = *(u8 *)(r10 -8)
   289  r2 <<= 2
   290  r2 += r1
   291  r2 = *(u32 *)(r2 +2048)
   292  r0 ^= r2
   293  r2 = *(u8 *)(r10 -7)
   294  r2 <<= 2
   295  r2 += r1
   296  r2 = *(u32 *)(r2 +3072)
   297  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   298  r1 = .rodata +0 ll
   300  r2 = *(u8 *)(r10 -42)
   301  r2 <<= 2
   302  r2 += r1
   303  r2 = *(u32 *)(r2 +0)
   304  r0 ^= r2
   305  r2 = *(u8 *)(r10 -41)
   306  r2 <<= 2
   307  r2 += r1
   308  r2 = *(u32 *)(r2 +1024)
   309  r0 ^= r2
   310  r2 = *(u8 *)(r10 -40)
   311  r2 <<= 2
   312  r2 += r1
   313  r2 = *(u32 *)(r2 +2048)
   314  r0 ^= r2
   315  r2 = *(u8 *)(r10 -39)
   316  r2 <<= 2
   317  r2 += r1
   318  r2 = *(u32 *)(r2 +3072)
   319  r0 ^= r2
   320  r2 = *(u8 *)(r10 -38)
   321  r2 <<= 2
   322  r2 += r1
   323  r2 = *(u32 *)(r2 +4096)
   324  r0 ^= r2
   325  r2 = *(u8 *)(r10 -37)
   326  r2 <<= 2
   327  r2 += r1
   328  r2 = *(u32 *)(r2 +5120)
   329  r0 ^= r2
   330  r2 = *(u8 *)(r10 -36)
   331  r2 <<= 2
   332  r2 += r1
   333  r2 = *(u32 *)(r2 +6144)
   334  r0 ^= r2
   335  r2 = *(u8 *)(r10 -35)
   336  r2 <<= 2
   337  r2 += r1
   338  r2 = *(u32 *)(r2 +7168)
   339  r0 ^= r2
   340  r2 = *(u8 *)(r10 -34)
   341  r2 <<= 2
   342  r2 += r1
   343  r2 = *(u32 *)(r2 +8192)
   344  r0 ^= r2
   345  r2 = *(u8 *)(r10 -33)
   346  r2 <<= 2
   347  r2 += r1
   348  r2 = *(u32 *)(r2 +9216)
   349  r0 ^= r2
   350  r2 = *(u8 *)(r10 -32)
   351  r2 <<= 2
   352  r2 += r1
   353  r2 = *(u32 *)(r2 +10240)
   354  r0 ^= r2
   355  r2 = *(u8 *)(r10 -31)
   356  r2 <<= 2
   357  r2 += r1
   358  r2 = *(u32 *)(r2 +11264)
   359  r0 ^= r2
   360  r2 = *(u8 *)(r10 -30)
   361  r2 <<= 2
   362  r2 += r1
   363  r2 = *(u32 *)(r2 +12288)
   364  r0 ^= r2
   365  r2 = *(u8 *)(r10 -29)
   366  r2 <<= 2
   367  r2 += r1
   368  r2 = *(u32 *)(r2 +13312)
   369  r0 ^= r2
   370  r2 = *(u8 *)(r10 -28)
   371  r2 <<= 2
   372  r2 += r1
   373  r2 = *(u32 *)(r2 +14336)
   374  r0 ^= r2
   375  r2 = *(u8 *)(r10 -27)
   376  r2 <<= 2
   377  r2 += r1
   378  r2 = *(u32 *)(r2 +15360)
   379  r0 ^= r2
   380  r2 = *(u8 *)(r10 -26)
   381  r2 <<= 2
   382  r2 += r1
   383  r2 = *(u32 *)(r2 +16384)
   384  r0 ^= r2
   385  r2 = *(u8 *)(r10 -25)
   386  r2 <<= 2
   387  r2 += r1
   388  r2 = *(u32 *)(r2 +17408)
   389  r0 ^= r2
   390  r2 = *(u8 *)(r10 -24)
   391  r2 <<= 2
   392  r2 += r1
   393  r2 = *(u32 *)(r2 +18432)
   394  r0 ^= r2
   395  r2 = *(u8 *)(r10 -23)
   396  r2 <<= 2
   397  r2 += r1
   398  r2 = *(u32 *)(r2 +19456)
   399  r0 ^= r2
   400  r2 = *(u8 *)(r10 -22)
   401  r2 <<= 2
   402  r2 += r1
   403  r2 = *(u32 *)(r2 +20480)
   404  r0 ^= r2
   405  r2 = *(u8 *)(r10 -21)
   406  r2 <<= 2
   407  r2 += r1
   408  r2 = *(u32 *)(r2 +21504)
   409  r0 ^= r2
   410  r2 = *(u8 *)(r10 -20)
   411  r2 <<= 2
   412  r2 += r1
   413  r2 = *(u32 *)(r2 +22528)
   414  r0 ^= r2
   415  r2 = *(u8 *)(r10 -19)
   416  r2 <<= 2
   417  r2 += r1
   418  r2 = *(u32 *)(r2 +23552)
   419  r0 ^= r2
   420  r2 = *(u8 *)(r10 -18)
   421  r2 <<= 2
   422  r2 += r1
   423  r2 = *(u32 *)(r2 +24576)
   424  r0 ^= r2
   425  r2 = *(u8 *)(r10 -17)
   426  r2 <<= 2
   427  r2 += r1
   428  r2 = *(u32 *)(r2 +25600)
   429  r0 ^= r2
   430  r2 = *(u8 *)(r10 -16)
   431  r2 <<= 2
   432  r2 += r1
   433  r2 = *(u32 *)(r2 +26624)
   434  r0 ^= r2
   435  r2 = *(u8 *)(r10 -15)
   436  r2 <<= 2
   437  r2 += r1
   438  r2 = *(u32 *)(r2 +27648)
   439  r0 ^= r2
   440  r2 = *(u8 *)(r10 -14)
   441  r2 <<= 2
   442  r2 += r1
   443  r2 = *(u32 *)(r2 +28672)
   444  r0 ^= r2
   445  r2 = *(u8 *)(r10 -13)
   446  r2 <<= 2
   447  r2 += r1
   448  r2 = *(u32 *)(r2 +29696)
   449  r0 ^= r2
   450  r2 = *(u8 *)(r10 -12)
   451  r2 <<= 2
   452  r2 += r1
   453  r2 = *(u32 *)(r2 +30720)
   454  r0 ^= r2
   455  r2 = *(u8 *)(r10 -11)
   456  r2 <<= 2
   457  r2 += r1
   458  r2 = *(u32 *)(r2 +31744)
   459  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   460  r1 = r0
   461  r1 &= 127
   462  r1 <<= 1
   463  r2 = .data +32 ll
   465  r2 += r1
   466  r0 = *(u16 *)(r2 +0)
   467  exit
unclassified:
   468  r0 = 0
   469  exit
