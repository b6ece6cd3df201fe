; at most 480 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 431 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
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
    68  r1 = .rodata +2048 ll
    70  r2 = *(u8 *)(r10 -30)
    71  r2 += r1
    72  r2 = *(u8 *)(r2 +0)
    73  r0 ^= r2
    74  r2 = *(u8 *)(r10 -29)
    75  r2 += r1
    76  r2 = *(u8 *)(r2 +256)
    77  r0 ^= r2
    78  r2 = *(u8 *)(r10 -28)
    79  r2 += r1
    80  r2 = *(u8 *)(r2 +512)
    81  r0 ^= r2
    82  r2 = *(u8 *)(r10 -27)
    83  r2 += r1
    84  r2 = *(u8 *)(r2 +768)
    85  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    86  r1 = .rodata +0 ll
    88  r2 = *(u8 *)(r10 -38)
    89  r2 += r1
    90  r2 = *(u8 *)(r2 +0)
    91  r0 ^= r2
    92  r2 = *(u8 *)(r10 -37)
    93  r2 += r1
    94  r2 = *(u8 *)(r2 +256)
    95  r0 ^= r2
    96  r2 = *(u8 *)(r10 -36)
    97  r2 += r1
    98  r2 = *(u8 *)(r2 +512)
    99  r0 ^= r2
   100  r2 = *(u8 *)(r10 -35)
   101  r2 += r1
   102  r2 = *(u8 *)(r2 +768)
   103  r0 ^= r2
   104  r2 = *(u8 *)(r10 -34)
   105  r2 += r1
   106  r2 = *(u8 *)(r2 +1024)
   107  r0 ^= r2
   108  r2 = *(u8 *)(r10 -33)
   109  r2 += r1
   110  r2 = *(u8 *)(r2 +1280)
   111  r0 ^= r2
   112  r2 = *(u8 *)(r10 -32)
   113  r2 += r1
   114  r2 = *(u8 *)(r2 +1536)
   115  r0 ^= r2
   116  r2 = *(u8 *)(r10 -31)
   117  r2 += r1
   118  r2 = *(u8 *)(r2 +1792)
   119  r0 ^= r2
   120  goto table
ipv6:
   121  if r7 < 54 goto unclassified
   122  r1 = *(u8 *)(r10 -50)
   123  r1 >>= 4
   124  if r1 != 6 goto unclassified
   125  r9 = *(u8 *)(r10 -44)
   126  if r9 == 6 goto ipv6_ports
   127  if r9 == 17 goto ipv6_ports
   128  if r9 == 0 goto walk
   129  if r9 == 43 goto walk
   130  if r9 == 44 goto walk
   131  if r9 == 51 goto walk
   132  if r9 == 60 goto walk
   133  if r9 == 135 goto walk
ipv6_only:
   134  r0 = 0
   135  goto ipv6_hash_addresses
ipv6_ports:
   136  if r7 < 58 goto ipv6_only
   137  goto ipv6_hash_ports
walk:
   138  r8 += 54
   139  r7 = 0
   140  *(u64 *)(r10 -80) = 0
   141  *(u64 *)(r10 -96) = 0
walk_header:
   142  if r9 == 44 goto walk_no_ports
   143  if r7 == 11 goto walk_no_ports
   144  r7 += 1
   145  r2 = r8
   146  r1 = r6
   147  r3 = r10
   148  r3 += -68
   149  r4 = 4
   150  call skb_load_bytes
   151  if r0 != 0 goto walk_no_ports
   152  if r9 == 43 goto walk_routing
   153  if r9 == 60 goto walk_destination
walk_advance:
   154  r1 = *(u8 *)(r10 -67)
   155  if r9 == 51 goto walk_authentication
   156  r1 += 1
   157  r1 <<= 3
   158  goto walk_next
walk_authentication:
   159  r1 += 2
   160  r1 <<= 2
walk_next:
   161  r8 += r1
   162  r9 = *(u8 *)(r10 -68)
   163  if r9 == 0 goto walk_header
   164  if r9 == 43 goto walk_header
   165  if r9 == 44 goto walk_header
   166  if r9 == 51 goto walk_header
   167  if r9 == 60 goto walk_header
   168  if r9 == 135 goto walk_header
   169  if r9 != 6 goto other_protocol
   170  r2 = r8
   171  r1 = r6
   172  r3 = r10
   173  r3 += -10
   174  r4 = 4
   175  call skb_load_bytes
   176  if r0 != 0 goto walk_no_ports
   177  r7 = 1
   178  goto substitute
other_protocol:
   179  if r9 != 17 goto other_protocol
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
walk_no_ports:
   189  r7 = 0
substitute:
   190  r2 = *(u64 *)(r10 -80)
   191  if r2 == 0 goto source_kept
   192  r2 = *(u64 *)(r10 -88)
   193  r1 = r6
   194  r3 = r10
   195  r3 += -42
   196  r4 = 16
   197  call skb_load_bytes
source_kept:
   198  r2 = *(u64 *)(r10 -96)
   199  if r2 == 0 goto destination_kept
   200  r2 = *(u64 *)(r10 -104)
   201  r1 = r6
   202  r3 = r10
   203  r3 += -26
   204  r4 = 16
   205  call skb_load_bytes
destination_kept:
   206  if r7 != 0 goto ipv6_hash_ports
   207  r0 = 0
   208  goto ipv6_hash_addresses
walk_routing:
   209  r1 = *(u64 *)(r10 -96)
   210  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   211  r1 = *(u32 *)(r10 -68)
   212  r1 >>= 8
   213  if r1 != 0x10202 goto walk_advance
   214  r1 = r8
   215  r1 += 24
   216  r2 = *(u32 *)(r6 +0)
   217  if r1 > r2 goto walk_advance
   218  r1 -= 16
   219  *(u64 *)(r10 -96) = 1
   220  *(u64 *)(r10 -104) = r1
   221  goto walk_advance
walk_destination:
   222  r1 = *(u64 *)(r10 -80)
   223  if r1 != 0 goto walk_advance
   224  *(u64 *)(r10 -112) = r8
   225  r1 = *(u8 *)(r10 -67)
   226  r1 += 1
   227  r1 <<= 3
   228  r1 += r8
   229  *(u64 *)(r10 -120) = r1
   230  r8 += 2
   231  r9 = 30
option:
   232  if r9 == 0 goto options_end
   233  r9 -= 1
   234  r1 = *(u64 *)(r10 -120)
   235  if r8 >= r1 goto options_end
   236  r2 = r8
   237  r1 = r6
   238  r3 = r10
   239  r3 += -72
   240  r4 = 2
   241  call skb_load_bytes
   242  if r0 != 0 goto options_end
   243  r1 = *(u8 *)(r10 -72)
   244  if r1 == 0 goto option_pad
   245  r2 = *(u8 *)(r10 -71)
   246  if r1 != 201 goto option_skip
   247  if r2 != 16 goto option_skip
   248  r1 = r8
   249  r1 += 18
   250  r2 = *(u64 *)(r10 -120)
   251  if r1 > r2 goto options_end
   252  r2 = *(u32 *)(r6 +0)
   253  if r1 > r2 goto options_end
   254  r8 += 2
   255  *(u64 *)(r10 -80) = 1
   256  *(u64 *)(r10 -88) = r8
   257  goto options_end
option_skip:
   258  r8 += r2
   259  r8 += 1
option_pad:
   260  r8 += 1
   261  goto option
options_end:
   262  r8 = *(u64 *)(r10 -112)
   263  r9 = 60
   264  goto walk_advance
ipv6_hash_ports:
   265  r0 = 0
        ; hash input bytes 32 to 35
   266  r1 = .rodata +8192 ll
   268  r2 = *(u8 *)(r10 -10)
   269  r2 += r1
   270  r2 = *(u8 *)(r2 +0)
   271  r0 ^= r2
   272  r2 = *(u8 *)(r10 -9)
   273  r2 += r1
   274  r2 = *(u8 *)(r2 +256)
   275  r0 ^= r2
   276  r2 = *(u8 *)(r10 -8)
   277  r2 += r1
   278  r2 = *(u8 *)(r2 +512)
   279  r0 ^= r2
   280  r2 = *(u8 *)(r10 -7)
   281  r2 += r1
   282  r2 = *(u8 *)(r2 +768)
   283  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   284  r1 = .rodata +0 ll
   286  r2 = *(u8 *)(r10 -42)
   287  r2 += r1
   288  r2 = *(u8 *)(r2 +0)
   289  r0 ^= r2
   290  r2 = *(u8 *)(r10 -41)
   291  r2 += r1
   292  r2 = *(u8 *)(r2 +256)
   293  r0 ^= r2
   294  r2 = *(u8 *)(r10 -40)
   295  r2 += r1
   296  r2 = *(u8 *)(r2 +512)
   297  r0 ^= r2
   298  r2 = *(u8 *)(r10 -39)
   299  r2 += r1
   300  r2 = *(u8 *)(r2 +768)
   301  r0 ^= r2
   302  r2 = *(u8 *)(r10 -38)
   303  r2 += r1
   304  r2 = *(u8 *)(r2 +1024)
   305  r0 ^= r2
   306  r2 = *(u8 *)(r10 -37)
   307  r2 += r1
   308  r2 = *(u8 *)(r2 +1280)
   309  r0 ^= r2
   310  r2 = *(u8 *)(r10 -36)
   311  r2 += r1
   312  r2 = *(u8 *)(r2 +1536)
   313  r0 ^= r2
   314  r2 = *(u8 *)(r10 -35)
   315  r2 += r1
   316  r2 = *(u8 *)(r2 +1792)
   317  r0 ^= r2
   318  r2 = *(u8 *)(r10 -34)
   319  r2 += r1
   320  r2 = *(u8 *)(r2 +2048)
   321  r0 ^= r2
   322  r2 = *(u8 *)(r10 -33)
   323  r2 += r1
   324  r2 = *(u8 *)(r2 +2304)
   325  r0 ^= r2
   326  r2 = *(u8 *)(r10 -32)
   327  r2 += r1
   328  r2 = *(u8 *)(r2 +2560)
   329  r0 ^= r2
   330  r2 = *(u8 *)(r10 -31)
   331  r2 += r1
   332  r2 = *(u8 *)(r2 +2816)
   333  r0 ^= r2
   334  r2 = *(u8 *)(r10 -30)
   335  r2 += r1
   336  r2 = *(u8 *)(r2 +3072)
   337  r0 ^= r2
   338  r2 = *(u8 *)(r10 -29)
   339  r2 += r1
   340  r2 = *(u8 *)(r2 +3328)
   341  r0 ^= r2
   342  r2 = *(u8 *)(r10 -28)
   343  r2 += r1
   344  r2 = *(u8 *)(r2 +3584)
   345  r0 ^= r2
   346  r2 = *(u8 *)(r10 -27)
   347  r2 += r1
   348  r2 = *(u8 *)(r2 +3840)
   349  r0 ^= r2
   350  r2 = *(u8 *)(r10 -26)
   351  r2 += r1
   352  r2 = *(u8 *)(r2 +4096)
   353  r0 ^= r2
   354  r2 = *(u8 *)(r10 -25)
   355  r2 += r1
   356  r2 = *(u8 *)(r2 +4352)
   357  r0 ^= r2
   358  r2 = *(u8 *)(r10 -24)
   359  r2 += r1
   360  r2 = *(u8 *)(r2 +4608)
   361  r0 ^= r2
   362  r2 = *(u8 *)(r10 -23)
   363  r2 += r1
   364  r2 = *(u8 *)(r2 +4864)
   365  r0 ^= r2
   366  r2 = *(u8 *)(r10 -22)
   367  r2 += r1
   368  r2 = *(u8 *)(r2 +5120)
   369  r0 ^= r2
   370  r2 = *(u8 *)(r10 -21)
   371  r2 += r1
   372  r2 = *(u8 *)(r2 +5376)
   373  r0 ^= r2
   374  r2 = *(u8 *)(r10 -20)
   375  r2 += r1
   376  r2 = *(u8 *)(r2 +5632)
   377  r0 ^= r2
   378  r2 = *(u8 *)(r10 -19)
   379  r2 += r1
   380  r2 = *(u8 *)(r2 +5888)
   381  r0 ^= r2
   382  r2 = *(u8 *)(r10 -18)
   383  r2 += r1
   384  r2 = *(u8 *)(r2 +6144)
   385  r0 ^= r2
   386  r2 = *(u8 *)(r10 -17)
   387  r2 += r1
   388  r2 = *(u8 *)(r2 +6400)
   389  r0 ^= r2
   390  r2 = *(u8 *)(r10 -16)
   391  r2 += r1
   392  r2 = *(u8 *)(r2 +6656)
   393  r0 ^= r2
   394  r2 = *(u8 *)(r10 -15)
   395  r2 += r1
   396  r2 = *(u8 *)(r2 +6912)
   397  r0 ^= r2
   398  r2 = *(u8 *)(r10 -14)
   399  r2 += r1
   400  r2 = *(u8 *)(r2 +7168)
   401  r0 ^= r2
   402  r2 = *(u8 *)(r10 -13)
   403  r2 += r1
   404  r2 = *(u8 *)(r2 +7424)
   405  r0 ^= r2
   406  r2 = *(u8 *)(r10 -12)
   407  r2 += r1
   408  r2 = *(u8 *)(r2 +7680)
   409  r0 ^= r2
   410  r2 = *(u8 *)(r10 -11)
   411  r2 += r1
   412  r2 = *(u8 *)(r2 +7936)
   413  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   414  r1 = r0
   415  r1 &= 127
   416  r1 <<= 1
   417  r2 = .data +80 ll
   419  r2 += r1
   420  r0 = *(u16 *)(r2 +0)
   421  exit
unclassified:
   422  r0 = 0
   423  exit
marked:
   424  if r1 == 0x7255 goto queue_noted
   425  if r1 == 0x7254 goto queue_not_noted
   426  goto unmarked
queue_noted:
   427  r0 = *(u32 *)(r6 +12)
   428  exit
queue_not_noted:
   429  r0 = *(u32 *)(r6 +68)
   430  exit
