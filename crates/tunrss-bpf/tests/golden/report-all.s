; at most 520 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_report (SCHED_CLS), 506 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
     1  r1 = *(u32 *)(r6 +20)
     2  if r1 == 0 goto untagged
     3  r0 = 2
     4  exit
untagged:
     5  r7 = *(u32 *)(r6 +0)
     6  r8 = 0
window:
        ; too short for any IP header
     7  if r7 < 34 goto unclassified
     8  if r7 >= 58 goto load_full
        ; a short packet: what there is
     9  *(u64 *)(r10 -64) = 0
    10  *(u64 *)(r10 -56) = 0
    11  *(u64 *)(r10 -48) = 0
    12  *(u64 *)(r10 -40) = 0
    13  *(u64 *)(r10 -32) = 0
    14  *(u64 *)(r10 -24) = 0
    15  *(u64 *)(r10 -16) = 0
    16  *(u64 *)(r10 -8) = 0
    17  r2 = r8
    18  r1 = r6
    19  r3 = r10
    20  r3 += -64
    21  r4 = r7
    22  call skb_load_bytes
    23  goto loaded
load_full:
        ; link header, IP header and ports, as far as they are needed
    24  r2 = r8
    25  r1 = r6
    26  r3 = r10
    27  r3 += -64
    28  r4 = 58
    29  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    30  r1 = *(u16 *)(r10 -52)
    31  if r1 == 8 goto ipv4
    32  if r1 == 0xdd86 goto ipv6
    33  if r1 == 129 goto vlan_tag
    34  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    35  r1 = *(u32 *)(r6 +20)
    36  r1 <<= 2
    37  r1 += r8
    38  if r1 >= 8 goto unclassified
    39  r8 += 4
    40  r7 -= 4
    41  goto window
ipv4:
    42  r1 = *(u8 *)(r10 -50)
    43  if r1 == 69 goto ipv4_version_ok
    44  r2 = r1
    45  r2 >>= 4
    46  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    47  r2 = *(u16 *)(r10 -44)
    48  if r2 & 0xff3f goto ipv4_only
    49  r2 = *(u8 *)(r10 -41)
    50  if r2 == 6 goto ipv4_tcp
    51  if r2 == 17 goto ipv4_udp
ipv4_only:
    52  r9 = 1
    53  r0 = 0
    54  goto ipv4_hash_addresses
ipv4_tcp:
    55  r9 = 2
    56  goto ipv4_ports
ipv4_udp:
    57  r9 = 3
ipv4_ports:
    58  if r1 != 69 goto ipv4_options
    59  if r7 < 38 goto ipv4_only
    60  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    61  r2 = r1
    62  r2 &= 15
    63  if r2 < 5 goto ipv4_only
    64  r2 <<= 2
    65  r2 += r8
    66  r2 += 14
    67  r1 = r6
    68  r3 = r10
    69  r3 += -30
    70  r4 = 4
    71  call skb_load_bytes
    72  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    73  r0 = 0
        ; hash input bytes 8 to 11
    74  r1 = .rodata +8192 ll
    76  r2 = *(u8 *)(r10 -30)
    77  r2 <<= 2
    78  r2 += r1
    79  r2 = *(u32 *)(r2 +0)
    80  r0 ^= r2
    81  r2 = *(u8 *)(r10 -29)
    82  r2 <<= 2
    83  r2 += r1
    84  r2 = *(u32 *)(r2 +1024)
    85  r0 ^= r2
    86  r2 = *(u8 *)(r10 -28)
    87  r2 <<= 2
    88  r2 += r1
    89  r2 = *(u32 *)(r2 +2048)
    90  r0 ^= r2
    91  r2 = *(u8 *)(r10 -27)
    92  r2 <<= 2
    93  r2 += r1
    94  r2 = *(u32 *)(r2 +3072)
    95  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    96  r1 = .rodata +0 ll
    98  r2 = *(u8 *)(r10 -38)
    99  r2 <<= 2
   100  r2 += r1
   101  r2 = *(u32 *)(r2 +0)
   102  r0 ^= r2
   103  r2 = *(u8 *)(r10 -37)
   104  r2 <<= 2
   105  r2 += r1
   106  r2 = *(u32 *)(r2 +1024)
   107  r0 ^= r2
   108  r2 = *(u8 *)(r10 -36)
   109  r2 <<= 2
   110  r2 += r1
   111  r2 = *(u32 *)(r2 +2048)
   112  r0 ^= r2
   113  r2 = *(u8 *)(r10 -35)
   114  r2 <<= 2
   115  r2 += r1
   116  r2 = *(u32 *)(r2 +3072)
   117  r0 ^= r2
   118  r2 = *(u8 *)(r10 -34)
   119  r2 <<= 2
   120  r2 += r1
   121  r2 = *(u32 *)(r2 +4096)
   122  r0 ^= r2
   123  r2 = *(u8 *)(r10 -33)
   124  r2 <<= 2
   125  r2 += r1
   126  r2 = *(u32 *)(r2 +5120)
   127  r0 ^= r2
   128  r2 = *(u8 *)(r10 -32)
   129  r2 <<= 2
   130  r2 += r1
   131  r2 = *(u32 *)(r2 +6144)
   132  r0 ^= r2
   133  r2 = *(u8 *)(r10 -31)
   134  r2 <<= 2
   135  r2 += r1
   136  r2 = *(u32 *)(r2 +7168)
   137  r0 ^= r2
   138  goto table
ipv6:
   139  if r7 < 54 goto unclassified
   140  r1 = *(u8 *)(r10 -50)
   141  r1 >>= 4
   142  if r1 != 6 goto unclassified
   143  r9 = *(u8 *)(r10 -44)
   144  if r9 == 6 goto ipv6_tcp
   145  if r9 == 17 goto ipv6_udp
   146  if r9 == 0 goto walk
   147  if r9 == 43 goto walk
   148  if r9 == 44 goto walk
   149  if r9 == 51 goto walk
   150  if r9 == 60 goto walk
   151  if r9 == 135 goto walk
ipv6_only:
   152  r9 = 4
   153  r0 = 0
   154  goto ipv6_hash_addresses
ipv6_tcp:
   155  r9 = 5
   156  goto ipv6_ports
ipv6_udp:
   157  r9 = 6
ipv6_ports:
   158  if r7 < 58 goto ipv6_only
   159  goto ipv6_hash_ports
walk:
   160  r8 += 54
   161  r7 = 0
   162  *(u64 *)(r10 -80) = 0
   163  *(u64 *)(r10 -96) = 0
walk_header:
   164  if r9 == 44 goto walk_no_ports
   165  if r7 == 11 goto walk_no_ports
   166  r7 += 1
   167  r2 = r8
   168  r1 = r6
   169  r3 = r10
   170  r3 += -68
   171  r4 = 4
   172  call skb_load_bytes
   173  if r0 != 0 goto walk_no_ports
   174  if r9 == 43 goto walk_routing
   175  if r9 == 60 goto walk_destination
walk_advance:
   176  r1 = *(u8 *)(r10 -67)
   177  if r9 == 51 goto walk_authentication
   178  r1 += 1
   179  r1 <<= 3
   180  goto walk_next
walk_authentication:
   181  r1 += 2
   182  r1 <<= 2
walk_next:
   183  r8 += r1
   184  r9 = *(u8 *)(r10 -68)
   185  if r9 == 0 goto walk_header
   186  if r9 == 43 goto walk_header
   187  if r9 == 44 goto walk_header
   188  if r9 == 51 goto walk_header
   189  if r9 == 60 goto walk_header
   190  if r9 == 135 goto walk_header
   191  if r9 != 6 goto other_protocol
   192  r2 = r8
   193  r1 = r6
   194  r3 = r10
   195  r3 += -10
   196  r4 = 4
   197  call skb_load_bytes
   198  if r0 != 0 goto walk_no_ports
   199  r9 = 8
   200  r7 = 1
   201  goto substitute
other_protocol:
   202  if r9 != 17 goto other_protocol
   203  r2 = r8
   204  r1 = r6
   205  r3 = r10
   206  r3 += -10
   207  r4 = 4
   208  call skb_load_bytes
   209  if r0 != 0 goto walk_no_ports
   210  r9 = 9
   211  r7 = 1
   212  goto substitute
other_protocol:
walk_no_ports:
   213  r9 = 7
   214  r7 = 0
substitute:
   215  r2 = *(u64 *)(r10 -80)
   216  if r2 == 0 goto source_kept
   217  r2 = *(u64 *)(r10 -88)
   218  r1 = r6
   219  r3 = r10
   220  r3 += -42
   221  r4 = 16
   222  call skb_load_bytes
source_kept:
   223  r2 = *(u64 *)(r10 -96)
   224  if r2 == 0 goto destination_kept
   225  r2 = *(u64 *)(r10 -104)
   226  r1 = r6
   227  r3 = r10
   228  r3 += -26
   229  r4 = 16
   230  call skb_load_bytes
destination_kept:
   231  if r7 != 0 goto ipv6_hash_ports
   232  r0 = 0
   233  goto ipv6_hash_addresses
walk_routing:
   234  r1 = *(u64 *)(r10 -96)
   235  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   236  r1 = *(u32 *)(r10 -68)
   237  r1 >>= 8
   238  if r1 != 0x10202 goto walk_advance
   239  r1 = r8
   240  r1 += 24
   241  r2 = *(u32 *)(r6 +0)
   242  if r1 > r2 goto walk_advance
   243  r1 -= 16
   244  *(u64 *)(r10 -96) = 1
   245  *(u64 *)(r10 -104) = r1
   246  goto walk_advance
walk_destination:
   247  r1 = *(u64 *)(r10 -80)
   248  if r1 != 0 goto walk_advance
   249  *(u64 *)(r10 -112) = r8
   250  r1 = *(u8 *)(r10 -67)
   251  r1 += 1
   252  r1 <<= 3
   253  r1 += r8
   254  *(u64 *)(r10 -120) = r1
   255  r8 += 2
   256  r9 = 30
option:
   257  if r9 == 0 goto options_end
   258  r9 -= 1
   259  r1 = *(u64 *)(r10 -120)
   260  if r8 >= r1 goto options_end
   261  r2 = r8
   262  r1 = r6
   263  r3 = r10
   264  r3 += -72
   265  r4 = 2
   266  call skb_load_bytes
   267  if r0 != 0 goto options_end
   268  r1 = *(u8 *)(r10 -72)
   269  if r1 == 0 goto option_pad
   270  r2 = *(u8 *)(r10 -71)
   271  if r1 != 201 goto option_skip
   272  if r2 != 16 goto option_skip
   273  r1 = r8
   274  r1 += 18
   275  r2 = *(u64 *)(r10 -120)
   276  if r1 > r2 goto options_end
   277  r2 = *(u32 *)(r6 +0)
   278  if r1 > r2 goto options_end
   279  r8 += 2
   280  *(u64 *)(r10 -80) = 1
   281  *(u64 *)(r10 -88) = r8
   282  goto options_end
option_skip:
   283  r8 += r2
   284  r8 += 1
option_pad:
   285  r8 += 1
   286  goto option
options_end:
   287  r8 = *(u64 *)(r10 -112)
   288  r9 = 60
   289  goto walk_advance
ipv6_hash_ports:
   290  r0 = 0
        ; hash input bytes 32 to 35
   291  r1 = .rodata +32768 ll
   293  r2 = *(u8 *)(r10 -10)
   294  r2 <<= 2
   295  r2 += r1
   296  r2 = *(u32 *)(r2 +0)
   297  r0 ^= r2
   298  r2 = *(u8 *)(r10 -9)
   299  r2 <<= 2
   300  r2 += r1
   301  r2 = *(u32 *)(r2 +1024)
   302  r0 ^= r2
   303  r2 = *(u8 *)(r10 -8)
   304  r2 <<= 2
   305  r2 += r1
   306  r2 = *(u32 *)(r2 +2048)
   307  r0 ^= r2
   308  r2 = *(u8 *)(r10 -7)
   309  r2 <<= 2
   310  r2 += r1
   311  r2 = *(u32 *)(r2 +3072)
   312  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   313  r1 = .rodata +0 ll
   315  r2 = *(u8 *)(r10 -42)
   316  r2 <<= 2
   317  r2 += r1
   318  r2 = *(u32 *)(r2 +0)
   319  r0 ^= r2
   320  r2 = *(u8 *)(r10 -41)
   321  r2 <<= 2
   322  r2 += r1
   323  r2 = *(u32 *)(r2 +1024)
   324  r0 ^= r2
   325  r2 = *(u8 *)(r10 -40)
   326  r2 <<= 2
   327  r2 += r1
   328  r2 = *(u32 *)(r2 +2048)
   329  r0 ^= r2
   330  r2 = *(u8 *)(r10 -39)
   331  r2 <<= 2
   332  r2 += r1
   333  r2 = *(u32 *)(r2 +3072)
   334  r0 ^= r2
   335  r2 = *(u8 *)(r10 -38)
   336  r2 <<= 2
   337  r2 += r1
   338  r2 = *(u32 *)(r2 +4096)
   339  r0 ^= r2
   340  r2 = *(u8 *)(r10 -37)
   341  r2 <<= 2
   342  r2 += r1
   343  r2 = *(u32 *)(r2 +5120)
   344  r0 ^= r2
   345  r2 = *(u8 *)(r10 -36)
   346  r2 <<= 2
   347  r2 += r1
   348  r2 = *(u32 *)(r2 +6144)
   349  r0 ^= r2
   350  r2 = *(u8 *)(r10 -35)
   351  r2 <<= 2
   352  r2 += r1
   353  r2 = *(u32 *)(r2 +7168)
   354  r0 ^= r2
   355  r2 = *(u8 *)(r10 -34)
   356  r2 <<= 2
   357  r2 += r1
   358  r2 = *(u32 *)(r2 +8192)
   359  r0 ^= r2
   360  r2 = *(u8 *)(r10 -33)
   361  r2 <<= 2
   362  r2 += r1
   363  r2 = *(u32 *)(r2 +9216)
   364  r0 ^= r2
   365  r2 = *(u8 *)(r10 -32)
   366  r2 <<= 2
   367  r2 += r1
   368  r2 = *(u32 *)(r2 +10240)
   369  r0 ^= r2
   370  r2 = *(u8 *)(r10 -31)
   371  r2 <<= 2
   372  r2 += r1
   373  r2 = *(u32 *)(r2 +11264)
   374  r0 ^= r2
   375  r2 = *(u8 *)(r10 -30)
   376  r2 <<= 2
   377  r2 += r1
   378  r2 = *(u32 *)(r2 +12288)
   379  r0 ^= r2
   380  r2 = *(u8 *)(r10 -29)
   381  r2 <<= 2
   382  r2 += r1
   383  r2 = *(u32 *)(r2 +13312)
   384  r0 ^= r2
   385  r2 = *(u8 *)(r10 -28)
   386  r2 <<= 2
   387  r2 += r1
   388  r2 = *(u32 *)(r2 +14336)
   389  r0 ^= r2
   390  r2 = *(u8 *)(r10 -27)
   391  r2 <<= 2
   392  r2 += r1
   393  r2 = *(u32 *)(r2 +15360)
   394  r0 ^= r2
   395  r2 = *(u8 *)(r10 -26)
   396  r2 <<= 2
   397  r2 += r1
   398  r2 = *(u32 *)(r2 +16384)
   399  r0 ^= r2
   400  r2 = *(u8 *)(r10 -25)
   401  r2 <<= 2
   402  r2 += r1
   403  r2 = *(u32 *)(r2 +17408)
   404  r0 ^= r2
   405  r2 = *(u8 *)(r10 -24)
   406  r2 <<= 2
   407  r2 += r1
   408  r2 = *(u32 *)(r2 +18432)
   409  r0 ^= r2
   410  r2 = *(u8 *)(r10 -23)
   411  r2 <<= 2
   412  r2 += r1
   413  r2 = *(u32 *)(r2 +19456)
   414  r0 ^= r2
   415  r2 = *(u8 *)(r10 -22)
   416  r2 <<= 2
   417  r2 += r1
   418  r2 = *(u32 *)(r2 +20480)
   419  r0 ^= r2
   420  r2 = *(u8 *)(r10 -21)
   421  r2 <<= 2
   422  r2 += r1
   423  r2 = *(u32 *)(r2 +21504)
   424  r0 ^= r2
   425  r2 = *(u8 *)(r10 -20)
   426  r2 <<= 2
   427  r2 += r1
   428  r2 = *(u32 *)(r2 +22528)
   429  r0 ^= r2
   430  r2 = *(u8 *)(r10 -19)
   431  r2 <<= 2
   432  r2 += r1
   433  r2 = *(u32 *)(r2 +23552)
   434  r0 ^= r2
   435  r2 = *(u8 *)(r10 -18)
   436  r2 <<= 2
   437  r2 += r1
   438  r2 = *(u32 *)(r2 +24576)
   439  r0 ^= r2
   440  r2 = *(u8 *)(r10 -17)
   441  r2 <<= 2
   442  r2 += r1
   443  r2 = *(u32 *)(r2 +25600)
   444  r0 ^= r2
   445  r2 = *(u8 *)(r10 -16)
   446  r2 <<= 2
   447  r2 += r1
   448  r2 = *(u32 *)(r2 +26624)
   449  r0 ^= r2
   450  r2 = *(u8 *)(r10 -15)
   451  r2 <<= 2
   452  r2 += r1
   453  r2 = *(u32 *)(r2 +27648)
   454  r0 ^= r2
   455  r2 = *(u8 *)(r10 -14)
   456  r2 <<= 2
   457  r2 += r1
   458  r2 = *(u32 *)(r2 +28672)
   459  r0 ^= r2
   460  r2 = *(u8 *)(r10 -13)
   461  r2 <<= 2
   462  r2 += r1
   463  r2 = *(u32 *)(r2 +29696)
   464  r0 ^= r2
   465  r2 = *(u8 *)(r10 -12)
   466  r2 <<= 2
   467  r2 += r1
   468  r2 = *(u32 *)(r2 +30720)
   469  r0 ^= r2
   470  r2 = *(u8 *)(r10 -11)
   471  r2 <<= 2
   472  r2 += r1
   473  r2 = *(u32 *)(r2 +31744)
   474  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   475  r1 = r0
   476  r1 &= 127
   477  r1 <<= 1
   478  r2 = .data +32 ll
   480  r2 += r1
   481  r7 = *(u16 *)(r2 +0)
   482  r8 = r0
   483  goto emit
unclassified:
   484  r7 = 0
   485  r8 = 0
   486  r9 = 0
emit:
   487  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK; the filter looks for it
   488  r1 = 0x7255
   489  *(u32 *)(r6 +72) = r1
   490  r1 = r6
   491  r2 = 8
   492  r3 = 0
   493  call skb_change_head
   494  if r0 != 0 goto drop
   495  r1 = *(u32 *)(r6 +76)
   496  r2 = *(u32 *)(r6 +80)
   497  r3 = r1
   498  r3 += 8
   499  if r3 > r2 goto drop
   500  *(u32 *)(r1 +0) = r8
   501  *(u32 *)(r1 +4) = r9
   502  r0 = 0
   503  exit
drop:
   504  r0 = 2
   505  exit

; tunrss_queue (SOCKET_FILTER), 2 instructions
     0  r0 = *(u32 *)(r1 +12)
     1  exit

; tunrss_filter (SOCKET_FILTER), 6 instructions
     0  r1 = *(u32 *)(r1 +44)
     1  if r1 != 0x7255 goto no_prefix
        ; keep all bytes
     2  r0 = -1
     3  exit
no_prefix:
     4  r0 = 0
     5  exit
