; at most 470 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 417 instructions
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
    57  r1 = .rodata +2048 ll
    59  r2 = *(u8 *)(r10 -44)
    60  r2 += r1
    61  r2 = *(u8 *)(r2 +0)
    62  r0 ^= r2
    63  r2 = *(u8 *)(r10 -43)
    64  r2 += r1
    65  r2 = *(u8 *)(r2 +256)
    66  r0 ^= r2
    67  r2 = *(u8 *)(r10 -42)
    68  r2 += r1
    69  r2 = *(u8 *)(r2 +512)
    70  r0 ^= r2
    71  r2 = *(u8 *)(r10 -41)
    72  r2 += r1
    73  r2 = *(u8 *)(r2 +768)
    74  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    75  r1 = .rodata +0 ll
    77  r2 = *(u8 *)(r10 -52)
    78  r2 += r1
    79  r2 = *(u8 *)(r2 +0)
    80  r0 ^= r2
    81  r2 = *(u8 *)(r10 -51)
    82  r2 += r1
    83  r2 = *(u8 *)(r2 +256)
    84  r0 ^= r2
    85  r2 = *(u8 *)(r10 -50)
    86  r2 += r1
    87  r2 = *(u8 *)(r2 +512)
    88  r0 ^= r2
    89  r2 = *(u8 *)(r10 -49)
    90  r2 += r1
    91  r2 = *(u8 *)(r2 +768)
    92  r0 ^= r2
    93  r2 = *(u8 *)(r10 -48)
    94  r2 += r1
    95  r2 = *(u8 *)(r2 +1024)
    96  r0 ^= r2
    97  r2 = *(u8 *)(r10 -47)
    98  r2 += r1
    99  r2 = *(u8 *)(r2 +1280)
   100  r0 ^= r2
   101  r2 = *(u8 *)(r10 -46)
   102  r2 += r1
   103  r2 = *(u8 *)(r2 +1536)
   104  r0 ^= r2
   105  r2 = *(u8 *)(r10 -45)
   106  r2 += r1
   107  r2 = *(u8 *)(r2 +1792)
   108  r0 ^= r2
   109  goto table
ipv6:
   110  if r7 < 40 goto unclassified
   111  r9 = *(u8 *)(r10 -58)
   112  if r9 == 6 goto ipv6_ports
   113  if r9 == 17 goto ipv6_ports
   114  if r9 == 0 goto walk
   115  if r9 == 43 goto walk
   116  if r9 == 44 goto walk
   117  if r9 == 51 goto walk
   118  if r9 == 60 goto walk
   119  if r9 == 135 goto walk
ipv6_only:
   120  r0 = 0
   121  goto ipv6_hash_addresses
ipv6_ports:
   122  if r7 < 44 goto ipv6_only
   123  goto ipv6_hash_ports
walk:
   124  r8 += 40
   125  r7 = 0
   126  *(u64 *)(r10 -80) = 0
   127  *(u64 *)(r10 -96) = 0
walk_header:
   128  if r9 == 44 goto walk_no_ports
   129  if r7 == 11 goto walk_no_ports
   130  r7 += 1
   131  r2 = r8
   132  r1 = r6
   133  r3 = r10
   134  r3 += -68
   135  r4 = 4
   136  call skb_load_bytes
   137  if r0 != 0 goto walk_no_ports
   138  if r9 == 43 goto walk_routing
   139  if r9 == 60 goto walk_destination
walk_advance:
   140  r1 = *(u8 *)(r10 -67)
   141  if r9 == 51 goto walk_authentication
   142  r1 += 1
   143  r1 <<= 3
   144  goto walk_next
walk_authentication:
   145  r1 += 2
   146  r1 <<= 2
walk_next:
   147  r8 += r1
   148  r9 = *(u8 *)(r10 -68)
   149  if r9 == 0 goto walk_header
   150  if r9 == 43 goto walk_header
   151  if r9 == 44 goto walk_header
   152  if r9 == 51 goto walk_header
   153  if r9 == 60 goto walk_header
   154  if r9 == 135 goto walk_header
   155  if r9 != 6 goto other_protocol
   156  r2 = r8
   157  r1 = r6
   158  r3 = r10
   159  r3 += -24
   160  r4 = 4
   161  call skb_load_bytes
   162  if r0 != 0 goto walk_no_ports
   163  r7 = 1
   164  goto substitute
other_protocol:
   165  if r9 != 17 goto other_protocol
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
walk_no_ports:
   175  r7 = 0
substitute:
   176  r2 = *(u64 *)(r10 -80)
   177  if r2 == 0 goto source_kept
   178  r2 = *(u64 *)(r10 -88)
   179  r1 = r6
   180  r3 = r10
   181  r3 += -56
   182  r4 = 16
   183  call skb_load_bytes
source_kept:
   184  r2 = *(u64 *)(r10 -96)
   185  if r2 == 0 goto destination_kept
   186  r2 = *(u64 *)(r10 -104)
   187  r1 = r6
   188  r3 = r10
   189  r3 += -40
   190  r4 = 16
   191  call skb_load_bytes
destination_kept:
   192  if r7 != 0 goto ipv6_hash_ports
   193  r0 = 0
   194  goto ipv6_hash_addresses
walk_routing:
   195  r1 = *(u64 *)(r10 -96)
   196  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   197  r1 = *(u32 *)(r10 -68)
   198  r1 >>= 8
   199  if r1 != 0x10202 goto walk_advance
   200  r1 = r8
   201  r1 += 24
   202  r2 = *(u32 *)(r6 +0)
   203  if r1 > r2 goto walk_advance
   204  r1 -= 16
   205  *(u64 *)(r10 -96) = 1
   206  *(u64 *)(r10 -104) = r1
   207  goto walk_advance
walk_destination:
   208  r1 = *(u64 *)(r10 -80)
   209  if r1 != 0 goto walk_advance
   210  *(u64 *)(r10 -112) = r8
   211  r1 = *(u8 *)(r10 -67)
   212  r1 += 1
   213  r1 <<= 3
   214  r1 += r8
   215  *(u64 *)(r10 -120) = r1
   216  r8 += 2
   217  r9 = 30
option:
   218  if r9 == 0 goto options_end
   219  r9 -= 1
   220  r1 = *(u64 *)(r10 -120)
   221  if r8 >= r1 goto options_end
   222  r2 = r8
   223  r1 = r6
   224  r3 = r10
   225  r3 += -72
   226  r4 = 2
   227  call skb_load_bytes
   228  if r0 != 0 goto options_end
   229  r1 = *(u8 *)(r10 -72)
   230  if r1 == 0 goto option_pad
   231  r2 = *(u8 *)(r10 -71)
   232  if r1 != 201 goto option_skip
   233  if r2 != 16 goto option_skip
   234  r1 = r8
   235  r1 += 18
   236  r2 = *(u64 *)(r10 -120)
   237  if r1 > r2 goto options_end
   238  r2 = *(u32 *)(r6 +0)
   239  if r1 > r2 goto options_end
   240  r8 += 2
   241  *(u64 *)(r10 -80) = 1
   242  *(u64 *)(r10 -88) = r8
   243  goto options_end
option_skip:
   244  r8 += r2
   245  r8 += 1
option_pad:
   246  r8 += 1
   247  goto option
options_end:
   248  r8 = *(u64 *)(r10 -112)
   249  r9 = 60
   250  goto walk_advance
ipv6_hash_ports:
   251  r0 = 0
        ; hash input bytes 32 to 35
   252  r1 = .rodata +8192 ll
   254  r2 = *(u8 *)(r10 -24)
   255  r2 += r1
   256  r2 = *(u8 *)(r2 +0)
   257  r0 ^= r2
   258  r2 = *(u8 *)(r10 -23)
   259  r2 += r1
   260  r2 = *(u8 *)(r2 +256)
   261  r0 ^= r2
   262  r2 = *(u8 *)(r10 -22)
   263  r2 += r1
   264  r2 = *(u8 *)(r2 +512)
   265  r0 ^= r2
   266  r2 = *(u8 *)(r10 -21)
   267  r2 += r1
   268  r2 = *(u8 *)(r2 +768)
   269  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   270  r1 = .rodata +0 ll
   272  r2 = *(u8 *)(r10 -56)
   273  r2 += r1
   274  r2 = *(u8 *)(r2 +0)
   275  r0 ^= r2
   276  r2 = *(u8 *)(r10 -55)
   277  r2 += r1
   278  r2 = *(u8 *)(r2 +256)
   279  r0 ^= r2
   280  r2 = *(u8 *)(r10 -54)
   281  r2 += r1
   282  r2 = *(u8 *)(r2 +512)
   283  r0 ^= r2
   284  r2 = *(u8 *)(r10 -53)
   285  r2 += r1
   286  r2 = *(u8 *)(r2 +768)
   287  r0 ^= r2
   288  r2 = *(u8 *)(r10 -52)
   289  r2 += r1
   290  r2 = *(u8 *)(r2 +1024)
   291  r0 ^= r2
   292  r2 = *(u8 *)(r10 -51)
   293  r2 += r1
   294  r2 = *(u8 *)(r2 +1280)
   295  r0 ^= r2
   296  r2 = *(u8 *)(r10 -50)
   297  r2 += r1
   298  r2 = *(u8 *)(r2 +1536)
   299  r0 ^= r2
   300  r2 = *(u8 *)(r10 -49)
   301  r2 += r1
   302  r2 = *(u8 *)(r2 +1792)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -48)
   305  r2 += r1
   306  r2 = *(u8 *)(r2 +2048)
   307  r0 ^= r2
   308  r2 = *(u8 *)(r10 -47)
   309  r2 += r1
   310  r2 = *(u8 *)(r2 +2304)
   311  r0 ^= r2
   312  r2 = *(u8 *)(r10 -46)
   313  r2 += r1
   314  r2 = *(u8 *)(r2 +2560)
   315  r0 ^= r2
   316  r2 = *(u8 *)(r10 -45)
   317  r2 += r1
   318  r2 = *(u8 *)(r2 +2816)
   319  r0 ^= r2
   320  r2 = *(u8 *)(r10 -44)
   321  r2 += r1
   322  r2 = *(u8 *)(r2 +3072)
   323  r0 ^= r2
   324  r2 = *(u8 *)(r10 -43)
   325  r2 += r1
   326  r2 = *(u8 *)(r2 +3328)
   327  r0 ^= r2
   328  r2 = *(u8 *)(r10 -42)
   329  r2 += r1
   330  r2 = *(u8 *)(r2 +3584)
   331  r0 ^= r2
   332  r2 = *(u8 *)(r10 -41)
   333  r2 += r1
   334  r2 = *(u8 *)(r2 +3840)
   335  r0 ^= r2
   336  r2 = *(u8 *)(r10 -40)
   337  r2 += r1
   338  r2 = *(u8 *)(r2 +4096)
   339  r0 ^= r2
   340  r2 = *(u8 *)(r10 -39)
   341  r2 += r1
   342  r2 = *(u8 *)(r2 +4352)
   343  r0 ^= r2
   344  r2 = *(u8 *)(r10 -38)
   345  r2 += r1
   346  r2 = *(u8 *)(r2 +4608)
   347  r0 ^= r2
   348  r2 = *(u8 *)(r10 -37)
   349  r2 += r1
   350  r2 = *(u8 *)(r2 +4864)
   351  r0 ^= r2
   352  r2 = *(u8 *)(r10 -36)
   353  r2 += r1
   354  r2 = *(u8 *)(r2 +5120)
   355  r0 ^= r2
   356  r2 = *(u8 *)(r10 -35)
   357  r2 += r1
   358  r2 = *(u8 *)(r2 +5376)
   359  r0 ^= r2
   360  r2 = *(u8 *)(r10 -34)
   361  r2 += r1
   362  r2 = *(u8 *)(r2 +5632)
   363  r0 ^= r2
   364  r2 = *(u8 *)(r10 -33)
   365  r2 += r1
   366  r2 = *(u8 *)(r2 +5888)
   367  r0 ^= r2
   368  r2 = *(u8 *)(r10 -32)
   369  r2 += r1
   370  r2 = *(u8 *)(r2 +6144)
   371  r0 ^= r2
   372  r2 = *(u8 *)(r10 -31)
   373  r2 += r1
   374  r2 = *(u8 *)(r2 +6400)
   375  r0 ^= r2
   376  r2 = *(u8 *)(r10 -30)
   377  r2 += r1
   378  r2 = *(u8 *)(r2 +6656)
   379  r0 ^= r2
   380  r2 = *(u8 *)(r10 -29)
   381  r2 += r1
   382  r2 = *(u8 *)(r2 +6912)
   383  r0 ^= r2
   384  r2 = *(u8 *)(r10 -28)
   385  r2 += r1
   386  r2 = *(u8 *)(r2 +7168)
   387  r0 ^= r2
   388  r2 = *(u8 *)(r10 -27)
   389  r2 += r1
   390  r2 = *(u8 *)(r2 +7424)
   391  r0 ^= r2
   392  r2 = *(u8 *)(r10 -26)
   393  r2 += r1
   394  r2 = *(u8 *)(r2 +7680)
   395  r0 ^= r2
   396  r2 = *(u8 *)(r10 -25)
   397  r2 += r1
   398  r2 = *(u8 *)(r2 +7936)
   399  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   400  r1 = r0
   401  r1 &= 127
   402  r1 <<= 1
   403  r2 = .data +80 ll
   405  r2 += r1
   406  r0 = *(u16 *)(r2 +0)
   407  exit
unclassified:
   408  r0 = 0
   409  exit
marked:
   410  if r1 == 0x7255 goto queue_noted
   411  if r1 == 0x7254 goto queue_not_noted
   412  goto unmarked
queue_noted:
   413  r0 = *(u32 *)(r6 +12)
   414  exit
queue_not_noted:
   415  r0 = *(u32 *)(r6 +68)
   416  exit
