; at most 440 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_report (SCHED_CLS), 424 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6
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
walk_header:
   162  if r9 == 44 goto walk_no_ports
   163  if r7 == 11 goto walk_no_ports
   164  r7 += 1
   165  r2 = r8
   166  r1 = r6
   167  r3 = r10
   168  r3 += -68
   169  r4 = 4
   170  call skb_load_bytes
   171  if r0 != 0 goto walk_no_ports
   172  r1 = *(u8 *)(r10 -67)
   173  if r9 == 51 goto walk_authentication
   174  r1 += 1
   175  r1 <<= 3
   176  goto walk_next
walk_authentication:
   177  r1 += 2
   178  r1 <<= 2
walk_next:
   179  r8 += r1
   180  r9 = *(u8 *)(r10 -68)
   181  if r9 == 0 goto walk_header
   182  if r9 == 43 goto walk_header
   183  if r9 == 44 goto walk_header
   184  if r9 == 51 goto walk_header
   185  if r9 == 60 goto walk_header
   186  if r9 == 135 goto walk_header
   187  if r9 != 6 goto other_protocol
   188  r2 = r8
   189  r1 = r6
   190  r3 = r10
   191  r3 += -10
   192  r4 = 4
   193  call skb_load_bytes
   194  if r0 != 0 goto walk_no_ports
   195  r9 = 5
   196  goto ipv6_hash_ports
other_protocol:
   197  if r9 != 17 goto other_protocol
   198  r2 = r8
   199  r1 = r6
   200  r3 = r10
   201  r3 += -10
   202  r4 = 4
   203  call skb_load_bytes
   204  if r0 != 0 goto walk_no_ports
   205  r9 = 6
   206  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   207  goto ipv6_only
ipv6_hash_ports:
   208  r0 = 0
        ; hash input bytes 32 to 35
   209  r1 = .rodata +32768 ll
   211  r2 = *(u8 *)(r10 -10)
   212  r2 <<= 2
   213  r2 += r1
   214  r2 = *(u32 *)(r2 +0)
   215  r0 ^= r2
   216  r2 = *(u8 *)(r10 -9)
   217  r2 <<= 2
   218  r2 += r1
   219  r2 = *(u32 *)(r2 +1024)
   220  r0 ^= r2
   221  r2 = *(u8 *)(r10 -8)
   222  r2 <<= 2
   223  r2 += r1
   224  r2 = *(u32 *)(r2 +2048)
   225  r0 ^= r2
   226  r2 = *(u8 *)(r10 -7)
   227  r2 <<= 2
   228  r2 += r1
   229  r2 = *(u32 *)(r2 +3072)
   230  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   231  r1 = .rodata +0 ll
   233  r2 = *(u8 *)(r10 -42)
   234  r2 <<= 2
   235  r2 += r1
   236  r2 = *(u32 *)(r2 +0)
   237  r0 ^= r2
   238  r2 = *(u8 *)(r10 -41)
   239  r2 <<= 2
   240  r2 += r1
   241  r2 = *(u32 *)(r2 +1024)
   242  r0 ^= r2
   243  r2 = *(u8 *)(r10 -40)
   244  r2 <<= 2
   245  r2 += r1
   246  r2 = *(u32 *)(r2 +2048)
   247  r0 ^= r2
   248  r2 = *(u8 *)(r10 -39)
   249  r2 <<= 2
   250  r2 += r1
   251  r2 = *(u32 *)(r2 +3072)
   252  r0 ^= r2
   253  r2 = *(u8 *)(r10 -38)
   254  r2 <<= 2
   255  r2 += r1
   256  r2 = *(u32 *)(r2 +4096)
   257  r0 ^= r2
   258  r2 = *(u8 *)(r10 -37)
   259  r2 <<= 2
   260  r2 += r1
   261  r2 = *(u32 *)(r2 +5120)
   262  r0 ^= r2
   263  r2 = *(u8 *)(r10 -36)
   264  r2 <<= 2
   265  r2 += r1
   266  r2 = *(u32 *)(r2 +6144)
   267  r0 ^= r2
   268  r2 = *(u8 *)(r10 -35)
   269  r2 <<= 2
   270  r2 += r1
   271  r2 = *(u32 *)(r2 +7168)
   272  r0 ^= r2
   273  r2 = *(u8 *)(r10 -34)
   274  r2 <<= 2
   275  r2 += r1
   276  r2 = *(u32 *)(r2 +8192)
   277  r0 ^= r2
   278  r2 = *(u8 *)(r10 -33)
   279  r2 <<= 2
   280  r2 += r1
   281  r2 = *(u32 *)(r2 +9216)
   282  r0 ^= r2
   283  r2 = *(u8 *)(r10 -32)
   284  r2 <<= 2
   285  r2 += r1
   286  r2 = *(u32 *)(r2 +10240)
   287  r0 ^= r2
   288  r2 = *(u8 *)(r10 -31)
   289  r2 <<= 2
   290  r2 += r1
   291  r2 = *(u32 *)(r2 +11264)
   292  r0 ^= r2
   293  r2 = *(u8 *)(r10 -30)
   294  r2 <<= 2
   295  r2 += r1
   296  r2 = *(u32 *)(r2 +12288)
   297  r0 ^= r2
   298  r2 = *(u8 *)(r10 -29)
   299  r2 <<= 2
   300  r2 += r1
   301  r2 = *(u32 *)(r2 +13312)
   302  r0 ^= r2
   303  r2 = *(u8 *)(r10 -28)
   304  r2 <<= 2
   305  r2 += r1
   306  r2 = *(u32 *)(r2 +14336)
   307  r0 ^= r2
   308  r2 = *(u8 *)(r10 -27)
   309  r2 <<= 2
   310  r2 += r1
   311  r2 = *(u32 *)(r2 +15360)
   312  r0 ^= r2
   313  r2 = *(u8 *)(r10 -26)
   314  r2 <<= 2
   315  r2 += r1
   316  r2 = *(u32 *)(r2 +16384)
   317  r0 ^= r2
   318  r2 = *(u8 *)(r10 -25)
   319  r2 <<= 2
   320  r2 += r1
   321  r2 = *(u32 *)(r2 +17408)
   322  r0 ^= r2
   323  r2 = *(u8 *)(r10 -24)
   324  r2 <<= 2
   325  r2 += r1
   326  r2 = *(u32 *)(r2 +18432)
   327  r0 ^= r2
   328  r2 = *(u8 *)(r10 -23)
   329  r2 <<= 2
   330  r2 += r1
   331  r2 = *(u32 *)(r2 +19456)
   332  r0 ^= r2
   333  r2 = *(u8 *)(r10 -22)
   334  r2 <<= 2
   335  r2 += r1
   336  r2 = *(u32 *)(r2 +20480)
   337  r0 ^= r2
   338  r2 = *(u8 *)(r10 -21)
   339  r2 <<= 2
   340  r2 += r1
   341  r2 = *(u32 *)(r2 +21504)
   342  r0 ^= r2
   343  r2 = *(u8 *)(r10 -20)
   344  r2 <<= 2
   345  r2 += r1
   346  r2 = *(u32 *)(r2 +22528)
   347  r0 ^= r2
   348  r2 = *(u8 *)(r10 -19)
   349  r2 <<= 2
   350  r2 += r1
   351  r2 = *(u32 *)(r2 +23552)
   352  r0 ^= r2
   353  r2 = *(u8 *)(r10 -18)
   354  r2 <<= 2
   355  r2 += r1
   356  r2 = *(u32 *)(r2 +24576)
   357  r0 ^= r2
   358  r2 = *(u8 *)(r10 -17)
   359  r2 <<= 2
   360  r2 += r1
   361  r2 = *(u32 *)(r2 +25600)
   362  r0 ^= r2
   363  r2 = *(u8 *)(r10 -16)
   364  r2 <<= 2
   365  r2 += r1
   366  r2 = *(u32 *)(r2 +26624)
   367  r0 ^= r2
   368  r2 = *(u8 *)(r10 -15)
   369  r2 <<= 2
   370  r2 += r1
   371  r2 = *(u32 *)(r2 +27648)
   372  r0 ^= r2
   373  r2 = *(u8 *)(r10 -14)
   374  r2 <<= 2
   375  r2 += r1
   376  r2 = *(u32 *)(r2 +28672)
   377  r0 ^= r2
   378  r2 = *(u8 *)(r10 -13)
   379  r2 <<= 2
   380  r2 += r1
   381  r2 = *(u32 *)(r2 +29696)
   382  r0 ^= r2
   383  r2 = *(u8 *)(r10 -12)
   384  r2 <<= 2
   385  r2 += r1
   386  r2 = *(u32 *)(r2 +30720)
   387  r0 ^= r2
   388  r2 = *(u8 *)(r10 -11)
   389  r2 <<= 2
   390  r2 += r1
   391  r2 = *(u32 *)(r2 +31744)
   392  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   393  r1 = r0
   394  r1 &= 127
   395  r1 <<= 1
   396  r2 = .data +32 ll
   398  r2 += r1
   399  r7 = *(u16 *)(r2 +0)
   400  r8 = r0
   401  goto emit
unclassified:
   402  r7 = 0
   403  r8 = 0
   404  r9 = 0
emit:
   405  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK; the filter looks for it
   406  r1 = 0x7255
   407  *(u32 *)(r6 +72) = r1
   408  r1 = r6
   409  r2 = 8
   410  r3 = 0
   411  call skb_change_head
   412  if r0 != 0 goto drop
   413  r1 = *(u32 *)(r6 +76)
   414  r2 = *(u32 *)(r6 +80)
   415  r3 = r1
   416  r3 += 8
   417  if r3 > r2 goto drop
   418  *(u32 *)(r1 +0) = r8
   419  *(u32 *)(r1 +4) = r9
   420  r0 = 0
   421  exit
drop:
   422  r0 = 2
   423  exit

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
