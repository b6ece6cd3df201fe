; at most 400 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 398 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
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
   162  r1 = *(u8 *)(r10 -67)
   163  if r9 == 51 goto walk_authentication
   164  r1 += 1
   165  r1 <<= 3
   166  goto walk_next
walk_authentication:
   167  r1 += 2
   168  r1 <<= 2
walk_next:
   169  r8 += r1
   170  r9 = *(u8 *)(r10 -68)
   171  if r9 == 0 goto walk_header
   172  if r9 == 43 goto walk_header
   173  if r9 == 44 goto walk_header
   174  if r9 == 51 goto walk_header
   175  if r9 == 60 goto walk_header
   176  if r9 == 135 goto walk_header
   177  if r9 != 6 goto other_protocol
   178  r2 = r8
   179  r1 = r6
   180  r3 = r10
   181  r3 += -10
   182  r4 = 4
   183  call skb_load_bytes
   184  if r0 != 0 goto walk_no_ports
   185  goto ipv6_hash_ports
other_protocol:
   186  if r9 != 17 goto other_protocol
   187  r2 = r8
   188  r1 = r6
   189  r3 = r10
   190  r3 += -10
   191  r4 = 4
   192  call skb_load_bytes
   193  if r0 != 0 goto walk_no_ports
   194  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   195  goto ipv6_only
ipv6_hash_ports:
   196  r0 = 0
        ; hash input bytes 32 to 35
   197  r1 = .rodata +32768 ll
   199  r2 = *(u8 *)(r10 -10)
   200  r2 <<= 2
   201  r2 += r1
   202  r2 = *(u32 *)(r2 +0)
   203  r0 ^= r2
   204  r2 = *(u8 *)(r10 -9)
   205  r2 <<= 2
   206  r2 += r1
   207  r2 = *(u32 *)(r2 +1024)
   208  r0 ^= r2
   209  r2 = *(u8 *)(r10 -8)
   210  r2 <<= 2
   211  r2 += r1
   212  r2 = *(u32 *)(r2 +2048)
   213  r0 ^= r2
   214  r2 = *(u8 *)(r10 -7)
   215  r2 <<= 2
   216  r2 += r1
   217  r2 = *(u32 *)(r2 +3072)
   218  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   219  r1 = .rodata +0 ll
   221  r2 = *(u8 *)(r10 -42)
   222  r2 <<= 2
   223  r2 += r1
   224  r2 = *(u32 *)(r2 +0)
   225  r0 ^= r2
   226  r2 = *(u8 *)(r10 -41)
   227  r2 <<= 2
   228  r2 += r1
   229  r2 = *(u32 *)(r2 +1024)
   230  r0 ^= r2
   231  r2 = *(u8 *)(r10 -40)
   232  r2 <<= 2
   233  r2 += r1
   234  r2 = *(u32 *)(r2 +2048)
   235  r0 ^= r2
   236  r2 = *(u8 *)(r10 -39)
   237  r2 <<= 2
   238  r2 += r1
   239  r2 = *(u32 *)(r2 +3072)
   240  r0 ^= r2
   241  r2 = *(u8 *)(r10 -38)
   242  r2 <<= 2
   243  r2 += r1
   244  r2 = *(u32 *)(r2 +4096)
   245  r0 ^= r2
   246  r2 = *(u8 *)(r10 -37)
   247  r2 <<= 2
   248  r2 += r1
   249  r2 = *(u32 *)(r2 +5120)
   250  r0 ^= r2
   251  r2 = *(u8 *)(r10 -36)
   252  r2 <<= 2
   253  r2 += r1
   254  r2 = *(u32 *)(r2 +6144)
   255  r0 ^= r2
   256  r2 = *(u8 *)(r10 -35)
   257  r2 <<= 2
   258  r2 += r1
   259  r2 = *(u32 *)(r2 +7168)
   260  r0 ^= r2
   261  r2 = *(u8 *)(r10 -34)
   262  r2 <<= 2
   263  r2 += r1
   264  r2 = *(u32 *)(r2 +8192)
   265  r0 ^= r2
   266  r2 = *(u8 *)(r10 -33)
   267  r2 <<= 2
   268  r2 += r1
   269  r2 = *(u32 *)(r2 +9216)
   270  r0 ^= r2
   271  r2 = *(u8 *)(r10 -32)
   272  r2 <<= 2
   273  r2 += r1
   274  r2 = *(u32 *)(r2 +10240)
   275  r0 ^= r2
   276  r2 = *(u8 *)(r10 -31)
   277  r2 <<= 2
   278  r2 += r1
   279  r2 = *(u32 *)(r2 +11264)
   280  r0 ^= r2
   281  r2 = *(u8 *)(r10 -30)
   282  r2 <<= 2
   283  r2 += r1
   284  r2 = *(u32 *)(r2 +12288)
   285  r0 ^= r2
   286  r2 = *(u8 *)(r10 -29)
   287  r2 <<= 2
   288  r2 += r1
   289  r2 = *(u32 *)(r2 +13312)
   290  r0 ^= r2
   291  r2 = *(u8 *)(r10 -28)
   292  r2 <<= 2
   293  r2 += r1
   294  r2 = *(u32 *)(r2 +14336)
   295  r0 ^= r2
   296  r2 = *(u8 *)(r10 -27)
   297  r2 <<= 2
   298  r2 += r1
   299  r2 = *(u32 *)(r2 +15360)
   300  r0 ^= r2
   301  r2 = *(u8 *)(r10 -26)
   302  r2 <<= 2
   303  r2 += r1
   304  r2 = *(u32 *)(r2 +16384)
   305  r0 ^= r2
   306  r2 = *(u8 *)(r10 -25)
   307  r2 <<= 2
   308  r2 += r1
   309  r2 = *(u32 *)(r2 +17408)
   310  r0 ^= r2
   311  r2 = *(u8 *)(r10 -24)
   312  r2 <<= 2
   313  r2 += r1
   314  r2 = *(u32 *)(r2 +18432)
   315  r0 ^= r2
   316  r2 = *(u8 *)(r10 -23)
   317  r2 <<= 2
   318  r2 += r1
   319  r2 = *(u32 *)(r2 +19456)
   320  r0 ^= r2
   321  r2 = *(u8 *)(r10 -22)
   322  r2 <<= 2
   323  r2 += r1
   324  r2 = *(u32 *)(r2 +20480)
   325  r0 ^= r2
   326  r2 = *(u8 *)(r10 -21)
   327  r2 <<= 2
   328  r2 += r1
   329  r2 = *(u32 *)(r2 +21504)
   330  r0 ^= r2
   331  r2 = *(u8 *)(r10 -20)
   332  r2 <<= 2
   333  r2 += r1
   334  r2 = *(u32 *)(r2 +22528)
   335  r0 ^= r2
   336  r2 = *(u8 *)(r10 -19)
   337  r2 <<= 2
   338  r2 += r1
   339  r2 = *(u32 *)(r2 +23552)
   340  r0 ^= r2
   341  r2 = *(u8 *)(r10 -18)
   342  r2 <<= 2
   343  r2 += r1
   344  r2 = *(u32 *)(r2 +24576)
   345  r0 ^= r2
   346  r2 = *(u8 *)(r10 -17)
   347  r2 <<= 2
   348  r2 += r1
   349  r2 = *(u32 *)(r2 +25600)
   350  r0 ^= r2
   351  r2 = *(u8 *)(r10 -16)
   352  r2 <<= 2
   353  r2 += r1
   354  r2 = *(u32 *)(r2 +26624)
   355  r0 ^= r2
   356  r2 = *(u8 *)(r10 -15)
   357  r2 <<= 2
   358  r2 += r1
   359  r2 = *(u32 *)(r2 +27648)
   360  r0 ^= r2
   361  r2 = *(u8 *)(r10 -14)
   362  r2 <<= 2
   363  r2 += r1
   364  r2 = *(u32 *)(r2 +28672)
   365  r0 ^= r2
   366  r2 = *(u8 *)(r10 -13)
   367  r2 <<= 2
   368  r2 += r1
   369  r2 = *(u32 *)(r2 +29696)
   370  r0 ^= r2
   371  r2 = *(u8 *)(r10 -12)
   372  r2 <<= 2
   373  r2 += r1
   374  r2 = *(u32 *)(r2 +30720)
   375  r0 ^= r2
   376  r2 = *(u8 *)(r10 -11)
   377  r2 <<= 2
   378  r2 += r1
   379  r2 = *(u32 *)(r2 +31744)
   380  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   381  r1 = r0
   382  r1 &= 127
   383  r1 <<= 1
   384  r2 = .data +80 ll
   386  r2 += r1
   387  r0 = *(u16 *)(r2 +0)
   388  exit
unclassified:
   389  r0 = 0
   390  exit
marked:
   391  if r1 == 0x7255 goto queue_noted
   392  if r1 == 0x7254 goto queue_not_noted
   393  goto unmarked
queue_noted:
   394  r0 = *(u32 *)(r6 +12)
   395  exit
queue_not_noted:
   396  r0 = *(u32 *)(r6 +68)
   397  exit
