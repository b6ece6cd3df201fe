; at most 420 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 420 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
     5  if r7 >= 44 goto load_full
        ; too short for any IP header
     6  if r7 < 20 goto unclassified
        ; a short packet: what there is
     7  *(u64 *)(r10 -72) = 0
     8  *(u64 *)(r10 -64) = 0
     9  *(u64 *)(r10 -56) = 0
    10  *(u64 *)(r10 -48) = 0
    11  *(u64 *)(r10 -40) = 0
    12  *(u64 *)(r10 -32) = 0
    13  r2 = r8
    14  r1 = r6
    15  r3 = r10
    16  r3 += -72
    17  r4 = r7
    18  call skb_load_bytes
    19  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    20  r2 = r8
    21  r1 = r6
    22  r3 = r10
    23  r3 += -72
    24  r4 = 44
    25  call skb_load_bytes
loaded:
        ; IP version
    26  r1 = *(u8 *)(r10 -72)
    27  r1 >>= 4
    28  if r1 == 4 goto ipv4
    29  if r1 == 6 goto ipv6
    30  goto unclassified
ipv4:
    31  r1 = *(u8 *)(r10 -72)
        ; a fragment has no ports
    32  r2 = *(u16 *)(r10 -66)
    33  if r2 & 0xff3f goto ipv4_only
    34  r2 = *(u8 *)(r10 -63)
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
    50  r3 += -52
    51  r4 = 4
    52  call skb_load_bytes
    53  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
    54  r0 = 0
        ; hash input bytes 8 to 11
    55  r1 = .rodata +2048 ll
    57  r2 = *(u8 *)(r10 -52)
    58  r2 += r1
    59  r2 = *(u8 *)(r2 +0)
    60  r0 ^= r2
    61  r2 = *(u8 *)(r10 -51)
    62  r2 += r1
    63  r2 = *(u8 *)(r2 +256)
    64  r0 ^= r2
    65  r2 = *(u8 *)(r10 -50)
    66  r2 += r1
    67  r2 = *(u8 *)(r2 +512)
    68  r0 ^= r2
    69  r2 = *(u8 *)(r10 -49)
    70  r2 += r1
    71  r2 = *(u8 *)(r2 +768)
    72  r0 ^= r2
ipv4_hash_addresses:
        ; hash input bytes 0 to 7
    73  r1 = .rodata +0 ll
    75  r2 = *(u8 *)(r10 -60)
    76  r2 += r1
    77  r2 = *(u8 *)(r2 +0)
    78  r0 ^= r2
    79  r2 = *(u8 *)(r10 -59)
    80  r2 += r1
    81  r2 = *(u8 *)(r2 +256)
    82  r0 ^= r2
    83  r2 = *(u8 *)(r10 -58)
    84  r2 += r1
    85  r2 = *(u8 *)(r2 +512)
    86  r0 ^= r2
    87  r2 = *(u8 *)(r10 -57)
    88  r2 += r1
    89  r2 = *(u8 *)(r2 +768)
    90  r0 ^= r2
    91  r2 = *(u8 *)(r10 -56)
    92  r2 += r1
    93  r2 = *(u8 *)(r2 +1024)
    94  r0 ^= r2
    95  r2 = *(u8 *)(r10 -55)
    96  r2 += r1
    97  r2 = *(u8 *)(r2 +1280)
    98  r0 ^= r2
    99  r2 = *(u8 *)(r10 -54)
   100  r2 += r1
   101  r2 = *(u8 *)(r2 +1536)
   102  r0 ^= r2
   103  r2 = *(u8 *)(r10 -53)
   104  r2 += r1
   105  r2 = *(u8 *)(r2 +1792)
   106  r0 ^= r2
   107  goto table
ipv6:
   108  if r7 < 40 goto unclassified
   109  r1 = *(u8 *)(r10 -66)
   110  if r1 == 6 goto ipv6_ports
   111  if r1 == 17 goto ipv6_ports
   112  if r1 == 0 goto walk
   113  if r1 == 43 goto walk
   114  if r1 == 44 goto walk
   115  if r1 == 51 goto walk
   116  if r1 == 60 goto walk
   117  if r1 == 135 goto walk
ipv6_only:
   118  r0 = 0
   119  goto ipv6_hash_addresses
ipv6_ports:
   120  if r7 < 44 goto ipv6_only
   121  goto ipv6_hash_ports
walk:
   122  r8 += 40
   123  r9 = *(u8 *)(r10 -66)
   124  r7 = 0
        ; no address yet
   125  r1 = *(u32 *)(r6 +0)
   126  *(u64 *)(r10 -88) = r1
   127  *(u64 *)(r10 -96) = r1
walk_header:
   128  if r9 == 44 goto walk_no_ports
   129  if r7 == 11 goto walk_no_ports
   130  r7 += 1
   131  r2 = r8
   132  r1 = r6
   133  r3 = r10
   134  r3 += -76
   135  r4 = 4
   136  call skb_load_bytes
   137  if r0 != 0 goto walk_no_ports
   138  if r9 == 43 goto walk_routing
   139  if r9 == 60 goto walk_destination
walk_advance:
   140  r1 = *(u8 *)(r10 -75)
   141  if r9 == 51 goto walk_authentication
   142  r1 += 1
   143  r1 <<= 3
   144  goto walk_next
walk_authentication:
   145  r1 += 2
   146  r1 <<= 2
walk_next:
   147  r8 += r1
   148  r9 = *(u8 *)(r10 -76)
   149  r1 = *(u8 *)(r10 -76)
   150  if r1 == 0 goto walk_header
   151  if r1 == 43 goto walk_header
   152  if r1 == 44 goto walk_header
   153  if r1 == 51 goto walk_header
   154  if r1 == 60 goto walk_header
   155  if r1 == 135 goto walk_header
   156  if r9 != 6 goto other_protocol
   157  r2 = r8
   158  r1 = r6
   159  r3 = r10
   160  r3 += -32
   161  r4 = 4
   162  call skb_load_bytes
   163  if r0 != 0 goto walk_no_ports
   164  r7 = 1
   165  goto substitute
other_protocol:
   166  if r9 != 17 goto other_protocol
   167  r2 = r8
   168  r1 = r6
   169  r3 = r10
   170  r3 += -32
   171  r4 = 4
   172  call skb_load_bytes
   173  if r0 != 0 goto walk_no_ports
   174  r7 = 1
   175  goto substitute
other_protocol:
walk_no_ports:
   176  r7 = 0
substitute:
   177  r2 = *(u64 *)(r10 -88)
   178  r1 = *(u32 *)(r6 +0)
   179  if r2 == r1 goto source_kept
   180  r1 = r6
   181  r3 = r10
   182  r3 += -64
   183  r4 = 16
   184  call skb_load_bytes
source_kept:
   185  r2 = *(u64 *)(r10 -96)
   186  r1 = *(u32 *)(r6 +0)
   187  if r2 == r1 goto destination_kept
   188  r1 = r6
   189  r3 = r10
   190  r3 += -48
   191  r4 = 16
   192  call skb_load_bytes
destination_kept:
   193  if r7 != 0 goto ipv6_hash_ports
   194  r0 = 0
   195  goto ipv6_hash_addresses
walk_routing:
   196  r2 = *(u64 *)(r10 -96)
   197  r1 = *(u32 *)(r6 +0)
   198  if r2 != r1 goto walk_advance
        ; length 2, type 2, 1 segment left
   199  r2 = *(u32 *)(r10 -76)
   200  r2 >>= 8
   201  if r2 != 0x10202 goto walk_advance
   202  r2 = r8
   203  r2 += 24
   204  if r2 > r1 goto walk_advance
   205  r2 -= 16
   206  *(u64 *)(r10 -96) = r2
   207  goto walk_advance
walk_destination:
   208  r2 = *(u64 *)(r10 -88)
   209  r1 = *(u32 *)(r6 +0)
   210  if r2 != r1 goto walk_advance
   211  *(u64 *)(r10 -104) = r8
        ; the options end where the header does, or the packet
   212  r2 = *(u8 *)(r10 -75)
   213  r2 += 1
   214  r2 <<= 3
   215  r2 += r8
   216  if r1 > r2 goto options_whole
   217  r2 = r1
options_whole:
   218  *(u64 *)(r10 -112) = r2
   219  r8 += 2
   220  r9 = 30
option:
   221  r1 = *(u64 *)(r10 -112)
   222  if r8 >= r1 goto options_end
        ; zeros, a Pad1, if the packet ends behind the first byte
   223  r2 = r8
   224  r1 = r6
   225  r3 = r10
   226  r3 += -80
   227  r4 = 2
   228  call skb_load_bytes
   229  r1 = *(u16 *)(r10 -80)
   230  if r1 == 0x10c9 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   231  r2 = *(u8 *)(r10 -80)
   232  r3 = 0
   233  r3 -= r2
   234  r3 >>= 63
   235  r1 >>= 8
   236  r1 += 1
   237  r1 *= r3
   238  r8 += r1
   239  r8 += 1
   240  r9 -= 1
   241  if r9 != 0 goto option
   242  goto options_end
option_found:
   243  r8 += 18
   244  r1 = *(u64 *)(r10 -112)
   245  if r8 > r1 goto options_end
   246  r8 -= 16
   247  *(u64 *)(r10 -88) = r8
options_end:
   248  r8 = *(u64 *)(r10 -104)
   249  r9 = 60
   250  goto walk_advance
ipv6_hash_ports:
   251  r0 = 0
        ; hash input bytes 32 to 35
   252  r1 = .rodata +8192 ll
   254  r2 = *(u8 *)(r10 -32)
   255  r2 += r1
   256  r2 = *(u8 *)(r2 +0)
   257  r0 ^= r2
   258  r2 = *(u8 *)(r10 -31)
   259  r2 += r1
   260  r2 = *(u8 *)(r2 +256)
   261  r0 ^= r2
   262  r2 = *(u8 *)(r10 -30)
   263  r2 += r1
   264  r2 = *(u8 *)(r2 +512)
   265  r0 ^= r2
   266  r2 = *(u8 *)(r10 -29)
   267  r2 += r1
   268  r2 = *(u8 *)(r2 +768)
   269  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   270  r1 = .rodata +0 ll
   272  r2 = *(u8 *)(r10 -64)
   273  r2 += r1
   274  r2 = *(u8 *)(r2 +0)
   275  r0 ^= r2
   276  r2 = *(u8 *)(r10 -63)
   277  r2 += r1
   278  r2 = *(u8 *)(r2 +256)
   279  r0 ^= r2
   280  r2 = *(u8 *)(r10 -62)
   281  r2 += r1
   282  r2 = *(u8 *)(r2 +512)
   283  r0 ^= r2
   284  r2 = *(u8 *)(r10 -61)
   285  r2 += r1
   286  r2 = *(u8 *)(r2 +768)
   287  r0 ^= r2
   288  r2 = *(u8 *)(r10 -60)
   289  r2 += r1
   290  r2 = *(u8 *)(r2 +1024)
   291  r0 ^= r2
   292  r2 = *(u8 *)(r10 -59)
   293  r2 += r1
   294  r2 = *(u8 *)(r2 +1280)
   295  r0 ^= r2
   296  r2 = *(u8 *)(r10 -58)
   297  r2 += r1
   298  r2 = *(u8 *)(r2 +1536)
   299  r0 ^= r2
   300  r2 = *(u8 *)(r10 -57)
   301  r2 += r1
   302  r2 = *(u8 *)(r2 +1792)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -56)
   305  r2 += r1
   306  r2 = *(u8 *)(r2 +2048)
   307  r0 ^= r2
   308  r2 = *(u8 *)(r10 -55)
   309  r2 += r1
   310  r2 = *(u8 *)(r2 +2304)
   311  r0 ^= r2
   312  r2 = *(u8 *)(r10 -54)
   313  r2 += r1
   314  r2 = *(u8 *)(r2 +2560)
   315  r0 ^= r2
   316  r2 = *(u8 *)(r10 -53)
   317  r2 += r1
   318  r2 = *(u8 *)(r2 +2816)
   319  r0 ^= r2
   320  r2 = *(u8 *)(r10 -52)
   321  r2 += r1
   322  r2 = *(u8 *)(r2 +3072)
   323  r0 ^= r2
   324  r2 = *(u8 *)(r10 -51)
   325  r2 += r1
   326  r2 = *(u8 *)(r2 +3328)
   327  r0 ^= r2
   328  r2 = *(u8 *)(r10 -50)
   329  r2 += r1
   330  r2 = *(u8 *)(r2 +3584)
   331  r0 ^= r2
   332  r2 = *(u8 *)(r10 -49)
   333  r2 += r1
   334  r2 = *(u8 *)(r2 +3840)
   335  r0 ^= r2
   336  r2 = *(u8 *)(r10 -48)
   337  r2 += r1
   338  r2 = *(u8 *)(r2 +4096)
   339  r0 ^= r2
   340  r2 = *(u8 *)(r10 -47)
   341  r2 += r1
   342  r2 = *(u8 *)(r2 +4352)
   343  r0 ^= r2
   344  r2 = *(u8 *)(r10 -46)
   345  r2 += r1
   346  r2 = *(u8 *)(r2 +4608)
   347  r0 ^= r2
   348  r2 = *(u8 *)(r10 -45)
   349  r2 += r1
   350  r2 = *(u8 *)(r2 +4864)
   351  r0 ^= r2
   352  r2 = *(u8 *)(r10 -44)
   353  r2 += r1
   354  r2 = *(u8 *)(r2 +5120)
   355  r0 ^= r2
   356  r2 = *(u8 *)(r10 -43)
   357  r2 += r1
   358  r2 = *(u8 *)(r2 +5376)
   359  r0 ^= r2
   360  r2 = *(u8 *)(r10 -42)
   361  r2 += r1
   362  r2 = *(u8 *)(r2 +5632)
   363  r0 ^= r2
   364  r2 = *(u8 *)(r10 -41)
   365  r2 += r1
   366  r2 = *(u8 *)(r2 +5888)
   367  r0 ^= r2
   368  r2 = *(u8 *)(r10 -40)
   369  r2 += r1
   370  r2 = *(u8 *)(r2 +6144)
   371  r0 ^= r2
   372  r2 = *(u8 *)(r10 -39)
   373  r2 += r1
   374  r2 = *(u8 *)(r2 +6400)
   375  r0 ^= r2
   376  r2 = *(u8 *)(r10 -38)
   377  r2 += r1
   378  r2 = *(u8 *)(r2 +6656)
   379  r0 ^= r2
   380  r2 = *(u8 *)(r10 -37)
   381  r2 += r1
   382  r2 = *(u8 *)(r2 +6912)
   383  r0 ^= r2
   384  r2 = *(u8 *)(r10 -36)
   385  r2 += r1
   386  r2 = *(u8 *)(r2 +7168)
   387  r0 ^= r2
   388  r2 = *(u8 *)(r10 -35)
   389  r2 += r1
   390  r2 = *(u8 *)(r2 +7424)
   391  r0 ^= r2
   392  r2 = *(u8 *)(r10 -34)
   393  r2 += r1
   394  r2 = *(u8 *)(r2 +7680)
   395  r0 ^= r2
   396  r2 = *(u8 *)(r10 -33)
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
   412  if r1 == 0x7256 goto queue_last
   413  goto unmarked
queue_last:
   414  r0 = 0xffff
   415  exit
queue_noted:
   416  r0 = *(u32 *)(r6 +12)
   417  exit
queue_not_noted:
   418  r0 = *(u32 *)(r6 +68)
   419  exit
