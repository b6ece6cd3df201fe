; at most 385 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 385 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
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
walk_header:
   171  if r9 == 44 goto walk_no_ports
   172  if r7 == 11 goto walk_no_ports
   173  r7 += 1
   174  r2 = r8
   175  r1 = r6
   176  r3 = r10
   177  r3 += -76
   178  r4 = 4
   179  call skb_load_bytes
   180  if r0 != 0 goto walk_no_ports
   181  r1 = *(u8 *)(r10 -75)
   182  if r9 == 51 goto walk_authentication
   183  r1 += 1
   184  r1 <<= 3
   185  goto walk_next
walk_authentication:
   186  r1 += 2
   187  r1 <<= 2
walk_next:
   188  r8 += r1
   189  r9 = *(u8 *)(r10 -76)
   190  r1 = *(u8 *)(r10 -76)
   191  if r1 == 0 goto walk_header
   192  if r1 == 43 goto walk_header
   193  if r1 == 44 goto walk_header
   194  if r1 == 51 goto walk_header
   195  if r1 == 60 goto walk_header
   196  if r1 == 135 goto walk_header
   197  if r9 != 6 goto other_protocol
   198  r2 = r8
   199  r1 = r6
   200  r3 = r10
   201  r3 += -18
   202  r4 = 4
   203  call skb_load_bytes
   204  if r0 != 0 goto walk_no_ports
   205  goto ipv6_hash_ports
other_protocol:
   206  if r9 != 17 goto other_protocol
   207  r2 = r8
   208  r1 = r6
   209  r3 = r10
   210  r3 += -18
   211  r4 = 4
   212  call skb_load_bytes
   213  if r0 != 0 goto walk_no_ports
   214  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   215  goto ipv6_only
ipv6_hash_ports:
   216  r0 = 0
        ; hash input bytes 32 to 35
   217  r1 = .rodata +8192 ll
   219  r2 = *(u8 *)(r10 -18)
   220  r2 += r1
   221  r2 = *(u8 *)(r2 +0)
   222  r0 ^= r2
   223  r2 = *(u8 *)(r10 -17)
   224  r2 += r1
   225  r2 = *(u8 *)(r2 +256)
   226  r0 ^= r2
   227  r2 = *(u8 *)(r10 -16)
   228  r2 += r1
   229  r2 = *(u8 *)(r2 +512)
   230  r0 ^= r2
   231  r2 = *(u8 *)(r10 -15)
   232  r2 += r1
   233  r2 = *(u8 *)(r2 +768)
   234  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   235  r1 = .rodata +0 ll
   237  r2 = *(u8 *)(r10 -50)
   238  r2 += r1
   239  r2 = *(u8 *)(r2 +0)
   240  r0 ^= r2
   241  r2 = *(u8 *)(r10 -49)
   242  r2 += r1
   243  r2 = *(u8 *)(r2 +256)
   244  r0 ^= r2
   245  r2 = *(u8 *)(r10 -48)
   246  r2 += r1
   247  r2 = *(u8 *)(r2 +512)
   248  r0 ^= r2
   249  r2 = *(u8 *)(r10 -47)
   250  r2 += r1
   251  r2 = *(u8 *)(r2 +768)
   252  r0 ^= r2
   253  r2 = *(u8 *)(r10 -46)
   254  r2 += r1
   255  r2 = *(u8 *)(r2 +1024)
   256  r0 ^= r2
   257  r2 = *(u8 *)(r10 -45)
   258  r2 += r1
   259  r2 = *(u8 *)(r2 +1280)
   260  r0 ^= r2
   261  r2 = *(u8 *)(r10 -44)
   262  r2 += r1
   263  r2 = *(u8 *)(r2 +1536)
   264  r0 ^= r2
   265  r2 = *(u8 *)(r10 -43)
   266  r2 += r1
   267  r2 = *(u8 *)(r2 +1792)
   268  r0 ^= r2
   269  r2 = *(u8 *)(r10 -42)
   270  r2 += r1
   271  r2 = *(u8 *)(r2 +2048)
   272  r0 ^= r2
   273  r2 = *(u8 *)(r10 -41)
   274  r2 += r1
   275  r2 = *(u8 *)(r2 +2304)
   276  r0 ^= r2
   277  r2 = *(u8 *)(r10 -40)
   278  r2 += r1
   279  r2 = *(u8 *)(r2 +2560)
   280  r0 ^= r2
   281  r2 = *(u8 *)(r10 -39)
   282  r2 += r1
   283  r2 = *(u8 *)(r2 +2816)
   284  r0 ^= r2
   285  r2 = *(u8 *)(r10 -38)
   286  r2 += r1
   287  r2 = *(u8 *)(r2 +3072)
   288  r0 ^= r2
   289  r2 = *(u8 *)(r10 -37)
   290  r2 += r1
   291  r2 = *(u8 *)(r2 +3328)
   292  r0 ^= r2
   293  r2 = *(u8 *)(r10 -36)
   294  r2 += r1
   295  r2 = *(u8 *)(r2 +3584)
   296  r0 ^= r2
   297  r2 = *(u8 *)(r10 -35)
   298  r2 += r1
   299  r2 = *(u8 *)(r2 +3840)
   300  r0 ^= r2
   301  r2 = *(u8 *)(r10 -34)
   302  r2 += r1
   303  r2 = *(u8 *)(r2 +4096)
   304  r0 ^= r2
   305  r2 = *(u8 *)(r10 -33)
   306  r2 += r1
   307  r2 = *(u8 *)(r2 +4352)
   308  r0 ^= r2
   309  r2 = *(u8 *)(r10 -32)
   310  r2 += r1
   311  r2 = *(u8 *)(r2 +4608)
   312  r0 ^= r2
   313  r2 = *(u8 *)(r10 -31)
   314  r2 += r1
   315  r2 = *(u8 *)(r2 +4864)
   316  r0 ^= r2
   317  r2 = *(u8 *)(r10 -30)
   318  r2 += r1
   319  r2 = *(u8 *)(r2 +5120)
   320  r0 ^= r2
   321  r2 = *(u8 *)(r10 -29)
   322  r2 += r1
   323  r2 = *(u8 *)(r2 +5376)
   324  r0 ^= r2
   325  r2 = *(u8 *)(r10 -28)
   326  r2 += r1
   327  r2 = *(u8 *)(r2 +5632)
   328  r0 ^= r2
   329  r2 = *(u8 *)(r10 -27)
   330  r2 += r1
   331  r2 = *(u8 *)(r2 +5888)
   332  r0 ^= r2
   333  r2 = *(u8 *)(r10 -26)
   334  r2 += r1
   335  r2 = *(u8 *)(r2 +6144)
   336  r0 ^= r2
   337  r2 = *(u8 *)(r10 -25)
   338  r2 += r1
   339  r2 = *(u8 *)(r2 +6400)
   340  r0 ^= r2
   341  r2 = *(u8 *)(r10 -24)
   342  r2 += r1
   343  r2 = *(u8 *)(r2 +6656)
   344  r0 ^= r2
   345  r2 = *(u8 *)(r10 -23)
   346  r2 += r1
   347  r2 = *(u8 *)(r2 +6912)
   348  r0 ^= r2
   349  r2 = *(u8 *)(r10 -22)
   350  r2 += r1
   351  r2 = *(u8 *)(r2 +7168)
   352  r0 ^= r2
   353  r2 = *(u8 *)(r10 -21)
   354  r2 += r1
   355  r2 = *(u8 *)(r2 +7424)
   356  r0 ^= r2
   357  r2 = *(u8 *)(r10 -20)
   358  r2 += r1
   359  r2 = *(u8 *)(r2 +7680)
   360  r0 ^= r2
   361  r2 = *(u8 *)(r10 -19)
   362  r2 += r1
   363  r2 = *(u8 *)(r2 +7936)
   364  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   365  r1 = r0
   366  r1 &= 127
   367  r1 <<= 1
   368  r2 = .data +80 ll
   370  r2 += r1
   371  r0 = *(u16 *)(r2 +0)
   372  exit
unclassified:
   373  r0 = 0
   374  exit
marked:
   375  if r1 == 0x7255 goto queue_noted
   376  if r1 == 0x7254 goto queue_not_noted
   377  if r1 == 0x7256 goto queue_last
   378  goto unmarked
queue_last:
   379  r0 = 0xffff
   380  exit
queue_noted:
   381  r0 = *(u32 *)(r6 +12)
   382  exit
queue_not_noted:
   383  r0 = *(u32 *)(r6 +68)
   384  exit
