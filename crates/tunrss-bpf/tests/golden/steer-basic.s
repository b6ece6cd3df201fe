; at most 390 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_steer (SOCKET_FILTER), 389 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
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
walk_header:
   150  if r9 == 44 goto walk_no_ports
   151  if r7 == 11 goto walk_no_ports
   152  r7 += 1
   153  r2 = r8
   154  r1 = r6
   155  r3 = r10
   156  r3 += -68
   157  r4 = 4
   158  call skb_load_bytes
   159  if r0 != 0 goto walk_no_ports
   160  r1 = *(u8 *)(r10 -67)
   161  if r9 == 51 goto walk_authentication
   162  r1 += 1
   163  r1 <<= 3
   164  goto walk_next
walk_authentication:
   165  r1 += 2
   166  r1 <<= 2
walk_next:
   167  r8 += r1
   168  r9 = *(u8 *)(r10 -68)
   169  if r9 == 0 goto walk_header
   170  if r9 == 43 goto walk_header
   171  if r9 == 44 goto walk_header
   172  if r9 == 51 goto walk_header
   173  if r9 == 60 goto walk_header
   174  if r9 == 135 goto walk_header
   175  if r9 != 6 goto other_protocol
   176  r2 = r8
   177  r1 = r6
   178  r3 = r10
   179  r3 += -10
   180  r4 = 4
   181  call skb_load_bytes
   182  if r0 != 0 goto walk_no_ports
   183  goto ipv6_hash_ports
other_protocol:
   184  if r9 != 17 goto other_protocol
   185  r2 = r8
   186  r1 = r6
   187  r3 = r10
   188  r3 += -10
   189  r4 = 4
   190  call skb_load_bytes
   191  if r0 != 0 goto walk_no_ports
   192  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   193  goto ipv6_only
ipv6_hash_ports:
   194  r0 = 0
        ; hash input bytes 32 to 35
   195  r1 = .rodata +32768 ll
   197  r2 = *(u8 *)(r10 -10)
   198  r2 <<= 2
   199  r2 += r1
   200  r2 = *(u32 *)(r2 +0)
   201  r0 ^= r2
   202  r2 = *(u8 *)(r10 -9)
   203  r2 <<= 2
   204  r2 += r1
   205  r2 = *(u32 *)(r2 +1024)
   206  r0 ^= r2
   207  r2 = *(u8 *)(r10 -8)
   208  r2 <<= 2
   209  r2 += r1
   210  r2 = *(u32 *)(r2 +2048)
   211  r0 ^= r2
   212  r2 = *(u8 *)(r10 -7)
   213  r2 <<= 2
   214  r2 += r1
   215  r2 = *(u32 *)(r2 +3072)
   216  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   217  r1 = .rodata +0 ll
   219  r2 = *(u8 *)(r10 -42)
   220  r2 <<= 2
   221  r2 += r1
   222  r2 = *(u32 *)(r2 +0)
   223  r0 ^= r2
   224  r2 = *(u8 *)(r10 -41)
   225  r2 <<= 2
   226  r2 += r1
   227  r2 = *(u32 *)(r2 +1024)
   228  r0 ^= r2
   229  r2 = *(u8 *)(r10 -40)
   230  r2 <<= 2
   231  r2 += r1
   232  r2 = *(u32 *)(r2 +2048)
   233  r0 ^= r2
   234  r2 = *(u8 *)(r10 -39)
   235  r2 <<= 2
   236  r2 += r1
   237  r2 = *(u32 *)(r2 +3072)
   238  r0 ^= r2
   239  r2 = *(u8 *)(r10 -38)
   240  r2 <<= 2
   241  r2 += r1
   242  r2 = *(u32 *)(r2 +4096)
   243  r0 ^= r2
   244  r2 = *(u8 *)(r10 -37)
   245  r2 <<= 2
   246  r2 += r1
   247  r2 = *(u32 *)(r2 +5120)
   248  r0 ^= r2
   249  r2 = *(u8 *)(r10 -36)
   250  r2 <<= 2
   251  r2 += r1
   252  r2 = *(u32 *)(r2 +6144)
   253  r0 ^= r2
   254  r2 = *(u8 *)(r10 -35)
   255  r2 <<= 2
   256  r2 += r1
   257  r2 = *(u32 *)(r2 +7168)
   258  r0 ^= r2
   259  r2 = *(u8 *)(r10 -34)
   260  r2 <<= 2
   261  r2 += r1
   262  r2 = *(u32 *)(r2 +8192)
   263  r0 ^= r2
   264  r2 = *(u8 *)(r10 -33)
   265  r2 <<= 2
   266  r2 += r1
   267  r2 = *(u32 *)(r2 +9216)
   268  r0 ^= r2
   269  r2 = *(u8 *)(r10 -32)
   270  r2 <<= 2
   271  r2 += r1
   272  r2 = *(u32 *)(r2 +10240)
   273  r0 ^= r2
   274  r2 = *(u8 *)(r10 -31)
   275  r2 <<= 2
   276  r2 += r1
   277  r2 = *(u32 *)(r2 +11264)
   278  r0 ^= r2
   279  r2 = *(u8 *)(r10 -30)
   280  r2 <<= 2
   281  r2 += r1
   282  r2 = *(u32 *)(r2 +12288)
   283  r0 ^= r2
   284  r2 = *(u8 *)(r10 -29)
   285  r2 <<= 2
   286  r2 += r1
   287  r2 = *(u32 *)(r2 +13312)
   288  r0 ^= r2
   289  r2 = *(u8 *)(r10 -28)
   290  r2 <<= 2
   291  r2 += r1
   292  r2 = *(u32 *)(r2 +14336)
   293  r0 ^= r2
   294  r2 = *(u8 *)(r10 -27)
   295  r2 <<= 2
   296  r2 += r1
   297  r2 = *(u32 *)(r2 +15360)
   298  r0 ^= r2
   299  r2 = *(u8 *)(r10 -26)
   300  r2 <<= 2
   301  r2 += r1
   302  r2 = *(u32 *)(r2 +16384)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -25)
   305  r2 <<= 2
   306  r2 += r1
   307  r2 = *(u32 *)(r2 +17408)
   308  r0 ^= r2
   309  r2 = *(u8 *)(r10 -24)
   310  r2 <<= 2
   311  r2 += r1
   312  r2 = *(u32 *)(r2 +18432)
   313  r0 ^= r2
   314  r2 = *(u8 *)(r10 -23)
   315  r2 <<= 2
   316  r2 += r1
   317  r2 = *(u32 *)(r2 +19456)
   318  r0 ^= r2
   319  r2 = *(u8 *)(r10 -22)
   320  r2 <<= 2
   321  r2 += r1
   322  r2 = *(u32 *)(r2 +20480)
   323  r0 ^= r2
   324  r2 = *(u8 *)(r10 -21)
   325  r2 <<= 2
   326  r2 += r1
   327  r2 = *(u32 *)(r2 +21504)
   328  r0 ^= r2
   329  r2 = *(u8 *)(r10 -20)
   330  r2 <<= 2
   331  r2 += r1
   332  r2 = *(u32 *)(r2 +22528)
   333  r0 ^= r2
   334  r2 = *(u8 *)(r10 -19)
   335  r2 <<= 2
   336  r2 += r1
   337  r2 = *(u32 *)(r2 +23552)
   338  r0 ^= r2
   339  r2 = *(u8 *)(r10 -18)
   340  r2 <<= 2
   341  r2 += r1
   342  r2 = *(u32 *)(r2 +24576)
   343  r0 ^= r2
   344  r2 = *(u8 *)(r10 -17)
   345  r2 <<= 2
   346  r2 += r1
   347  r2 = *(u32 *)(r2 +25600)
   348  r0 ^= r2
   349  r2 = *(u8 *)(r10 -16)
   350  r2 <<= 2
   351  r2 += r1
   352  r2 = *(u32 *)(r2 +26624)
   353  r0 ^= r2
   354  r2 = *(u8 *)(r10 -15)
   355  r2 <<= 2
   356  r2 += r1
   357  r2 = *(u32 *)(r2 +27648)
   358  r0 ^= r2
   359  r2 = *(u8 *)(r10 -14)
   360  r2 <<= 2
   361  r2 += r1
   362  r2 = *(u32 *)(r2 +28672)
   363  r0 ^= r2
   364  r2 = *(u8 *)(r10 -13)
   365  r2 <<= 2
   366  r2 += r1
   367  r2 = *(u32 *)(r2 +29696)
   368  r0 ^= r2
   369  r2 = *(u8 *)(r10 -12)
   370  r2 <<= 2
   371  r2 += r1
   372  r2 = *(u32 *)(r2 +30720)
   373  r0 ^= r2
   374  r2 = *(u8 *)(r10 -11)
   375  r2 <<= 2
   376  r2 += r1
   377  r2 = *(u32 *)(r2 +31744)
   378  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   379  r1 = r0
   380  r1 &= 127
   381  r1 <<= 1
   382  r2 = .data +32 ll
   384  r2 += r1
   385  r0 = *(u16 *)(r2 +0)
   386  exit
unclassified:
   387  r0 = 0
   388  exit
