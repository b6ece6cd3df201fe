; at most 470 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 466 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
     5  if r7 >= 66 goto load_full
        ; too short for any IP header
     6  if r7 < 34 goto unclassified
        ; a short packet: what there is
     7  *(u64 *)(r10 -72) = 0
     8  *(u64 *)(r10 -64) = 0
     9  *(u64 *)(r10 -56) = 0
    10  *(u64 *)(r10 -48) = 0
    11  *(u64 *)(r10 -40) = 0
    12  *(u64 *)(r10 -32) = 0
    13  *(u64 *)(r10 -24) = 0
    14  *(u64 *)(r10 -16) = 0
    15  *(u64 *)(r10 -8) = 0
    16  r2 = r8
    17  r1 = r6
    18  r3 = r10
    19  r3 += -72
    20  r4 = r7
    21  call skb_load_bytes
    22  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    23  r2 = r8
    24  r1 = r6
    25  r3 = r10
    26  r3 += -72
    27  r4 = 66
    28  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    29  r1 = *(u16 *)(r10 -60)
    30  if r1 == 8 goto ipv4
    31  if r1 == 0xdd86 goto ipv6
    32  if r1 == 129 goto vlan_tag
    33  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    34  r1 = *(u32 *)(r6 +20)
    35  r1 <<= 2
    36  r1 += r8
    37  if r1 >= 8 goto unclassified
    38  r8 += 4
    39  r7 -= 4
        ; too short for any IP header
    40  if r7 < 34 goto unclassified
    41  r1 = *(u32 *)(r10 -56)
    42  *(u32 *)(r10 -60) = r1
    43  r1 = *(u32 *)(r10 -52)
    44  *(u32 *)(r10 -56) = r1
    45  r1 = *(u32 *)(r10 -48)
    46  *(u32 *)(r10 -52) = r1
    47  r1 = *(u32 *)(r10 -44)
    48  *(u32 *)(r10 -48) = r1
    49  r1 = *(u32 *)(r10 -40)
    50  *(u32 *)(r10 -44) = r1
    51  r1 = *(u32 *)(r10 -36)
    52  *(u32 *)(r10 -40) = r1
    53  r1 = *(u32 *)(r10 -32)
    54  *(u32 *)(r10 -36) = r1
    55  r1 = *(u32 *)(r10 -28)
    56  *(u32 *)(r10 -32) = r1
    57  r1 = *(u32 *)(r10 -24)
    58  *(u32 *)(r10 -28) = r1
    59  r1 = *(u32 *)(r10 -20)
    60  *(u32 *)(r10 -24) = r1
    61  r1 = *(u32 *)(r10 -16)
    62  *(u32 *)(r10 -20) = r1
    63  r1 = *(u32 *)(r10 -12)
    64  *(u32 *)(r10 -16) = r1
    65  r1 = *(u8 *)(r10 -8)
    66  *(u8 *)(r10 -12) = r1
    67  r1 = *(u8 *)(r10 -7)
    68  *(u8 *)(r10 -11) = r1
    69  goto loaded
ipv4:
    70  r1 = *(u8 *)(r10 -58)
    71  if r1 == 69 goto ipv4_version_ok
    72  r2 = r1
    73  r2 >>= 4
    74  if r2 != 4 goto unclassified
ipv4_version_ok:
        ; a fragment has no ports
    75  r2 = *(u16 *)(r10 -52)
    76  if r2 & 0xff3f goto ipv4_only
    77  r2 = *(u8 *)(r10 -49)
    78  if r2 == 6 goto ipv4_ports
    79  if r2 == 17 goto ipv4_ports
ipv4_only:
    80  r0 = 0
    81  goto ipv4_hash_addresses
ipv4_ports:
    82  if r1 != 69 goto ipv4_options
    83  if r7 < 38 goto ipv4_only
    84  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
    85  r2 = r1
    86  r2 &= 15
    87  if r2 < 5 goto ipv4_only
    88  r2 <<= 2
    89  r2 += r8
    90  r2 += 14
    91  r1 = r6
    92  r3 = r10
    93  r3 += -38
    94  r4 = 4
    95  call skb_load_bytes
    96  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    97  r0 = 0
        ; hash input bytes 8 to 11
    98  r1 = .rodata +2048 ll
   100  r2 = *(u8 *)(r10 -38)
   101  r2 += r1
   102  r2 = *(u8 *)(r2 +0)
   103  r0 ^= r2
   104  r2 = *(u8 *)(r10 -37)
   105  r2 += r1
   106  r2 = *(u8 *)(r2 +256)
   107  r0 ^= r2
   108  r2 = *(u8 *)(r10 -36)
   109  r2 += r1
   110  r2 = *(u8 *)(r2 +512)
   111  r0 ^= r2
   112  r2 = *(u8 *)(r10 -35)
   113  r2 += r1
   114  r2 = *(u8 *)(r2 +768)
   115  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
   116  r1 = .rodata +0 ll
   118  r2 = *(u8 *)(r10 -46)
   119  r2 += r1
   120  r2 = *(u8 *)(r2 +0)
   121  r0 ^= r2
   122  r2 = *(u8 *)(r10 -45)
   123  r2 += r1
   124  r2 = *(u8 *)(r2 +256)
   125  r0 ^= r2
   126  r2 = *(u8 *)(r10 -44)
   127  r2 += r1
   128  r2 = *(u8 *)(r2 +512)
   129  r0 ^= r2
   130  r2 = *(u8 *)(r10 -43)
   131  r2 += r1
   132  r2 = *(u8 *)(r2 +768)
   133  r0 ^= r2
   134  r2 = *(u8 *)(r10 -42)
   135  r2 += r1
   136  r2 = *(u8 *)(r2 +1024)
   137  r0 ^= r2
   138  r2 = *(u8 *)(r10 -41)
   139  r2 += r1
   140  r2 = *(u8 *)(r2 +1280)
   141  r0 ^= r2
   142  r2 = *(u8 *)(r10 -40)
   143  r2 += r1
   144  r2 = *(u8 *)(r2 +1536)
   145  r0 ^= r2
   146  r2 = *(u8 *)(r10 -39)
   147  r2 += r1
   148  r2 = *(u8 *)(r2 +1792)
   149  r0 ^= r2
   150  goto table
ipv6:
   151  if r7 < 54 goto unclassified
   152  r1 = *(u8 *)(r10 -58)
   153  r1 >>= 4
   154  if r1 != 6 goto unclassified
   155  r1 = *(u8 *)(r10 -52)
   156  if r1 == 6 goto ipv6_ports
   157  if r1 == 17 goto ipv6_ports
   158  if r1 == 0 goto walk
   159  if r1 == 43 goto walk
   160  if r1 == 44 goto walk
   161  if r1 == 51 goto walk
   162  if r1 == 60 goto walk
   163  if r1 == 135 goto walk
ipv6_only:
   164  r0 = 0
   165  goto ipv6_hash_addresses
ipv6_ports:
   166  if r7 < 58 goto ipv6_only
   167  goto ipv6_hash_ports
walk:
   168  r8 += 54
   169  r9 = *(u8 *)(r10 -52)
   170  r7 = 0
        ; no address yet
   171  r1 = *(u32 *)(r6 +0)
   172  *(u64 *)(r10 -88) = r1
   173  *(u64 *)(r10 -96) = r1
walk_header:
   174  if r9 == 44 goto walk_no_ports
   175  if r7 == 11 goto walk_no_ports
   176  r7 += 1
   177  r2 = r8
   178  r1 = r6
   179  r3 = r10
   180  r3 += -76
   181  r4 = 4
   182  call skb_load_bytes
   183  if r0 != 0 goto walk_no_ports
   184  if r9 == 43 goto walk_routing
   185  if r9 == 60 goto walk_destination
walk_advance:
   186  r1 = *(u8 *)(r10 -75)
   187  if r9 == 51 goto walk_authentication
   188  r1 += 1
   189  r1 <<= 3
   190  goto walk_next
walk_authentication:
   191  r1 += 2
   192  r1 <<= 2
walk_next:
   193  r8 += r1
   194  r9 = *(u8 *)(r10 -76)
   195  r1 = *(u8 *)(r10 -76)
   196  if r1 == 0 goto walk_header
   197  if r1 == 43 goto walk_header
   198  if r1 == 44 goto walk_header
   199  if r1 == 51 goto walk_header
   200  if r1 == 60 goto walk_header
   201  if r1 == 135 goto walk_header
   202  if r9 != 6 goto other_protocol
   203  r2 = r8
   204  r1 = r6
   205  r3 = r10
   206  r3 += -18
   207  r4 = 4
   208  call skb_load_bytes
   209  if r0 != 0 goto walk_no_ports
   210  r7 = 1
   211  goto substitute
other_protocol:
   212  if r9 != 17 goto other_protocol
   213  r2 = r8
   214  r1 = r6
   215  r3 = r10
   216  r3 += -18
   217  r4 = 4
   218  call skb_load_bytes
   219  if r0 != 0 goto walk_no_ports
   220  r7 = 1
   221  goto substitute
other_protocol:
walk_no_ports:
   222  r7 = 0
substitute:
   223  r2 = *(u64 *)(r10 -88)
   224  r1 = *(u32 *)(r6 +0)
   225  if r2 == r1 goto source_kept
   226  r1 = r6
   227  r3 = r10
   228  r3 += -50
   229  r4 = 16
   230  call skb_load_bytes
source_kept:
   231  r2 = *(u64 *)(r10 -96)
   232  r1 = *(u32 *)(r6 +0)
   233  if r2 == r1 goto destination_kept
   234  r1 = r6
   235  r3 = r10
   236  r3 += -34
   237  r4 = 16
   238  call skb_load_bytes
destination_kept:
   239  if r7 != 0 goto ipv6_hash_ports
   240  r0 = 0
   241  goto ipv6_hash_addresses
walk_routing:
   242  r2 = *(u64 *)(r10 -96)
   243  r1 = *(u32 *)(r6 +0)
   244  if r2 != r1 goto walk_advance
        ; length 2, type 2, 1 segment left
   245  r2 = *(u32 *)(r10 -76)
   246  r2 >>= 8
   247  if r2 != 0x10202 goto walk_advance
   248  r2 = r8
   249  r2 += 24
   250  if r2 > r1 goto walk_advance
   251  r2 -= 16
   252  *(u64 *)(r10 -96) = r2
   253  goto walk_advance
walk_destination:
   254  r2 = *(u64 *)(r10 -88)
   255  r1 = *(u32 *)(r6 +0)
   256  if r2 != r1 goto walk_advance
   257  *(u64 *)(r10 -104) = r8
        ; the options end where the header does, or the packet
   258  r2 = *(u8 *)(r10 -75)
   259  r2 += 1
   260  r2 <<= 3
   261  r2 += r8
   262  if r1 > r2 goto options_whole
   263  r2 = r1
options_whole:
   264  *(u64 *)(r10 -112) = r2
   265  r8 += 2
   266  r9 = 30
option:
   267  r1 = *(u64 *)(r10 -112)
   268  if r8 >= r1 goto options_end
        ; zeros, a Pad1, if the packet ends behind the first byte
   269  r2 = r8
   270  r1 = r6
   271  r3 = r10
   272  r3 += -80
   273  r4 = 2
   274  call skb_load_bytes
   275  r1 = *(u16 *)(r10 -80)
   276  if r1 == 0x10c9 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   277  r2 = *(u8 *)(r10 -80)
   278  r3 = 0
   279  r3 -= r2
   280  r3 >>= 63
   281  r1 >>= 8
   282  r1 += 1
   283  r1 *= r3
   284  r8 += r1
   285  r8 += 1
   286  r9 -= 1
   287  if r9 != 0 goto option
   288  goto options_end
option_found:
   289  r8 += 18
   290  r1 = *(u64 *)(r10 -112)
   291  if r8 > r1 goto options_end
   292  r8 -= 16
   293  *(u64 *)(r10 -88) = r8
options_end:
   294  r8 = *(u64 *)(r10 -104)
   295  r9 = 60
   296  goto walk_advance
ipv6_hash_ports:
   297  r0 = 0
        ; hash input bytes 32 to 35
   298  r1 = .rodata +8192 ll
   300  r2 = *(u8 *)(r10 -18)
   301  r2 += r1
   302  r2 = *(u8 *)(r2 +0)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -17)
   305  r2 += r1
   306  r2 = *(u8 *)(r2 +256)
   307  r0 ^= r2
   308  r2 = *(u8 *)(r10 -16)
   309  r2 += r1
   310  r2 = *(u8 *)(r2 +512)
   311  r0 ^= r2
   312  r2 = *(u8 *)(r10 -15)
   313  r2 += r1
   314  r2 = *(u8 *)(r2 +768)
   315  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   316  r1 = .rodata +0 ll
   318  r2 = *(u8 *)(r10 -50)
   319  r2 += r1
   320  r2 = *(u8 *)(r2 +0)
   321  r0 ^= r2
   322  r2 = *(u8 *)(r10 -49)
   323  r2 += r1
   324  r2 = *(u8 *)(r2 +256)
   325  r0 ^= r2
   326  r2 = *(u8 *)(r10 -48)
   327  r2 += r1
   328  r2 = *(u8 *)(r2 +512)
   329  r0 ^= r2
   330  r2 = *(u8 *)(r10 -47)
   331  r2 += r1
   332  r2 = *(u8 *)(r2 +768)
   333  r0 ^= r2
   334  r2 = *(u8 *)(r10 -46)
   335  r2 += r1
   336  r2 = *(u8 *)(r2 +1024)
   337  r0 ^= r2
   338  r2 = *(u8 *)(r10 -45)
   339  r2 += r1
   340  r2 = *(u8 *)(r2 +1280)
   341  r0 ^= r2
   342  r2 = *(u8 *)(r10 -44)
   343  r2 += r1
   344  r2 = *(u8 *)(r2 +1536)
   345  r0 ^= r2
   346  r2 = *(u8 *)(r10 -43)
   347  r2 += r1
   348  r2 = *(u8 *)(r2 +1792)
   349  r0 ^= r2
   350  r2 = *(u8 *)(r10 -42)
   351  r2 += r1
   352  r2 = *(u8 *)(r2 +2048)
   353  r0 ^= r2
   354  r2 = *(u8 *)(r10 -41)
   355  r2 += r1
   356  r2 = *(u8 *)(r2 +2304)
   357  r0 ^= r2
   358  r2 = *(u8 *)(r10 -40)
   359  r2 += r1
   360  r2 = *(u8 *)(r2 +2560)
   361  r0 ^= r2
   362  r2 = *(u8 *)(r10 -39)
   363  r2 += r1
   364  r2 = *(u8 *)(r2 +2816)
   365  r0 ^= r2
   366  r2 = *(u8 *)(r10 -38)
   367  r2 += r1
   368  r2 = *(u8 *)(r2 +3072)
   369  r0 ^= r2
   370  r2 = *(u8 *)(r10 -37)
   371  r2 += r1
   372  r2 = *(u8 *)(r2 +3328)
   373  r0 ^= r2
   374  r2 = *(u8 *)(r10 -36)
   375  r2 += r1
   376  r2 = *(u8 *)(r2 +3584)
   377  r0 ^= r2
   378  r2 = *(u8 *)(r10 -35)
   379  r2 += r1
   380  r2 = *(u8 *)(r2 +3840)
   381  r0 ^= r2
   382  r2 = *(u8 *)(r10 -34)
   383  r2 += r1
   384  r2 = *(u8 *)(r2 +4096)
   385  r0 ^= r2
   386  r2 = *(u8 *)(r10 -33)
   387  r2 += r1
   388  r2 = *(u8 *)(r2 +4352)
   389  r0 ^= r2
   390  r2 = *(u8 *)(r10 -32)
   391  r2 += r1
   392  r2 = *(u8 *)(r2 +4608)
   393  r0 ^= r2
   394  r2 = *(u8 *)(r10 -31)
   395  r2 += r1
   396  r2 = *(u8 *)(r2 +4864)
   397  r0 ^= r2
   398  r2 = *(u8 *)(r10 -30)
   399  r2 += r1
   400  r2 = *(u8 *)(r2 +5120)
   401  r0 ^= r2
   402  r2 = *(u8 *)(r10 -29)
   403  r2 += r1
   404  r2 = *(u8 *)(r2 +5376)
   405  r0 ^= r2
   406  r2 = *(u8 *)(r10 -28)
   407  r2 += r1
   408  r2 = *(u8 *)(r2 +5632)
   409  r0 ^= r2
   410  r2 = *(u8 *)(r10 -27)
   411  r2 += r1
   412  r2 = *(u8 *)(r2 +5888)
   413  r0 ^= r2
   414  r2 = *(u8 *)(r10 -26)
   415  r2 += r1
   416  r2 = *(u8 *)(r2 +6144)
   417  r0 ^= r2
   418  r2 = *(u8 *)(r10 -25)
   419  r2 += r1
   420  r2 = *(u8 *)(r2 +6400)
   421  r0 ^= r2
   422  r2 = *(u8 *)(r10 -24)
   423  r2 += r1
   424  r2 = *(u8 *)(r2 +6656)
   425  r0 ^= r2
   426  r2 = *(u8 *)(r10 -23)
   427  r2 += r1
   428  r2 = *(u8 *)(r2 +6912)
   429  r0 ^= r2
   430  r2 = *(u8 *)(r10 -22)
   431  r2 += r1
   432  r2 = *(u8 *)(r2 +7168)
   433  r0 ^= r2
   434  r2 = *(u8 *)(r10 -21)
   435  r2 += r1
   436  r2 = *(u8 *)(r2 +7424)
   437  r0 ^= r2
   438  r2 = *(u8 *)(r10 -20)
   439  r2 += r1
   440  r2 = *(u8 *)(r2 +7680)
   441  r0 ^= r2
   442  r2 = *(u8 *)(r10 -19)
   443  r2 += r1
   444  r2 = *(u8 *)(r2 +7936)
   445  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   446  r1 = r0
   447  r1 &= 127
   448  r1 <<= 1
   449  r2 = .data +80 ll
   451  r2 += r1
   452  r0 = *(u16 *)(r2 +0)
   453  exit
unclassified:
   454  r0 = 0
   455  exit
marked:
   456  if r1 == 0x7255 goto queue_noted
   457  if r1 == 0x7254 goto queue_not_noted
   458  if r1 == 0x7256 goto queue_last
   459  goto unmarked
queue_last:
   460  r0 = 0xffff
   461  exit
queue_noted:
   462  r0 = *(u32 *)(r6 +12)
   463  exit
queue_not_noted:
   464  r0 = *(u32 *)(r6 +68)
   465  exit
