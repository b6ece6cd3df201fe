; at most 400 instructions
; .rodata 9216 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 350 instructions
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
walk_header:
   140  if r9 == 44 goto walk_no_ports
   141  if r7 == 11 goto walk_no_ports
   142  r7 += 1
   143  r2 = r8
   144  r1 = r6
   145  r3 = r10
   146  r3 += -68
   147  r4 = 4
   148  call skb_load_bytes
   149  if r0 != 0 goto walk_no_ports
   150  r1 = *(u8 *)(r10 -67)
   151  if r9 == 51 goto walk_authentication
   152  r1 += 1
   153  r1 <<= 3
   154  goto walk_next
walk_authentication:
   155  r1 += 2
   156  r1 <<= 2
walk_next:
   157  r8 += r1
   158  r9 = *(u8 *)(r10 -68)
   159  if r9 == 0 goto walk_header
   160  if r9 == 43 goto walk_header
   161  if r9 == 44 goto walk_header
   162  if r9 == 51 goto walk_header
   163  if r9 == 60 goto walk_header
   164  if r9 == 135 goto walk_header
   165  if r9 != 6 goto other_protocol
   166  r2 = r8
   167  r1 = r6
   168  r3 = r10
   169  r3 += -10
   170  r4 = 4
   171  call skb_load_bytes
   172  if r0 != 0 goto walk_no_ports
   173  goto ipv6_hash_ports
other_protocol:
   174  if r9 != 17 goto other_protocol
   175  r2 = r8
   176  r1 = r6
   177  r3 = r10
   178  r3 += -10
   179  r4 = 4
   180  call skb_load_bytes
   181  if r0 != 0 goto walk_no_ports
   182  goto ipv6_hash_ports
other_protocol:
walk_no_ports:
   183  goto ipv6_only
ipv6_hash_ports:
   184  r0 = 0
        ; hash input bytes 32 to 35
   185  r1 = .rodata +8192 ll
   187  r2 = *(u8 *)(r10 -10)
   188  r2 += r1
   189  r2 = *(u8 *)(r2 +0)
   190  r0 ^= r2
   191  r2 = *(u8 *)(r10 -9)
   192  r2 += r1
   193  r2 = *(u8 *)(r2 +256)
   194  r0 ^= r2
   195  r2 = *(u8 *)(r10 -8)
   196  r2 += r1
   197  r2 = *(u8 *)(r2 +512)
   198  r0 ^= r2
   199  r2 = *(u8 *)(r10 -7)
   200  r2 += r1
   201  r2 = *(u8 *)(r2 +768)
   202  r0 ^= r2
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   203  r1 = .rodata +0 ll
   205  r2 = *(u8 *)(r10 -42)
   206  r2 += r1
   207  r2 = *(u8 *)(r2 +0)
   208  r0 ^= r2
   209  r2 = *(u8 *)(r10 -41)
   210  r2 += r1
   211  r2 = *(u8 *)(r2 +256)
   212  r0 ^= r2
   213  r2 = *(u8 *)(r10 -40)
   214  r2 += r1
   215  r2 = *(u8 *)(r2 +512)
   216  r0 ^= r2
   217  r2 = *(u8 *)(r10 -39)
   218  r2 += r1
   219  r2 = *(u8 *)(r2 +768)
   220  r0 ^= r2
   221  r2 = *(u8 *)(r10 -38)
   222  r2 += r1
   223  r2 = *(u8 *)(r2 +1024)
   224  r0 ^= r2
   225  r2 = *(u8 *)(r10 -37)
   226  r2 += r1
   227  r2 = *(u8 *)(r2 +1280)
   228  r0 ^= r2
   229  r2 = *(u8 *)(r10 -36)
   230  r2 += r1
   231  r2 = *(u8 *)(r2 +1536)
   232  r0 ^= r2
   233  r2 = *(u8 *)(r10 -35)
   234  r2 += r1
   235  r2 = *(u8 *)(r2 +1792)
   236  r0 ^= r2
   237  r2 = *(u8 *)(r10 -34)
   238  r2 += r1
   239  r2 = *(u8 *)(r2 +2048)
   240  r0 ^= r2
   241  r2 = *(u8 *)(r10 -33)
   242  r2 += r1
   243  r2 = *(u8 *)(r2 +2304)
   244  r0 ^= r2
   245  r2 = *(u8 *)(r10 -32)
   246  r2 += r1
   247  r2 = *(u8 *)(r2 +2560)
   248  r0 ^= r2
   249  r2 = *(u8 *)(r10 -31)
   250  r2 += r1
   251  r2 = *(u8 *)(r2 +2816)
   252  r0 ^= r2
   253  r2 = *(u8 *)(r10 -30)
   254  r2 += r1
   255  r2 = *(u8 *)(r2 +3072)
   256  r0 ^= r2
   257  r2 = *(u8 *)(r10 -29)
   258  r2 += r1
   259  r2 = *(u8 *)(r2 +3328)
   260  r0 ^= r2
   261  r2 = *(u8 *)(r10 -28)
   262  r2 += r1
   263  r2 = *(u8 *)(r2 +3584)
   264  r0 ^= r2
   265  r2 = *(u8 *)(r10 -27)
   266  r2 += r1
   267  r2 = *(u8 *)(r2 +3840)
   268  r0 ^= r2
   269  r2 = *(u8 *)(r10 -26)
   270  r2 += r1
   271  r2 = *(u8 *)(r2 +4096)
   272  r0 ^= r2
   273  r2 = *(u8 *)(r10 -25)
   274  r2 += r1
   275  r2 = *(u8 *)(r2 +4352)
   276  r0 ^= r2
   277  r2 = *(u8 *)(r10 -24)
   278  r2 += r1
   279  r2 = *(u8 *)(r2 +4608)
   280  r0 ^= r2
   281  r2 = *(u8 *)(r10 -23)
   282  r2 += r1
   283  r2 = *(u8 *)(r2 +4864)
   284  r0 ^= r2
   285  r2 = *(u8 *)(r10 -22)
   286  r2 += r1
   287  r2 = *(u8 *)(r2 +5120)
   288  r0 ^= r2
   289  r2 = *(u8 *)(r10 -21)
   290  r2 += r1
   291  r2 = *(u8 *)(r2 +5376)
   292  r0 ^= r2
   293  r2 = *(u8 *)(r10 -20)
   294  r2 += r1
   295  r2 = *(u8 *)(r2 +5632)
   296  r0 ^= r2
   297  r2 = *(u8 *)(r10 -19)
   298  r2 += r1
   299  r2 = *(u8 *)(r2 +5888)
   300  r0 ^= r2
   301  r2 = *(u8 *)(r10 -18)
   302  r2 += r1
   303  r2 = *(u8 *)(r2 +6144)
   304  r0 ^= r2
   305  r2 = *(u8 *)(r10 -17)
   306  r2 += r1
   307  r2 = *(u8 *)(r2 +6400)
   308  r0 ^= r2
   309  r2 = *(u8 *)(r10 -16)
   310  r2 += r1
   311  r2 = *(u8 *)(r2 +6656)
   312  r0 ^= r2
   313  r2 = *(u8 *)(r10 -15)
   314  r2 += r1
   315  r2 = *(u8 *)(r2 +6912)
   316  r0 ^= r2
   317  r2 = *(u8 *)(r10 -14)
   318  r2 += r1
   319  r2 = *(u8 *)(r2 +7168)
   320  r0 ^= r2
   321  r2 = *(u8 *)(r10 -13)
   322  r2 += r1
   323  r2 = *(u8 *)(r2 +7424)
   324  r0 ^= r2
   325  r2 = *(u8 *)(r10 -12)
   326  r2 += r1
   327  r2 = *(u8 *)(r2 +7680)
   328  r0 ^= r2
   329  r2 = *(u8 *)(r10 -11)
   330  r2 += r1
   331  r2 = *(u8 *)(r2 +7936)
   332  r0 ^= r2
table:
        ; the entry of the indirection table that the hash's low bits name
   333  r1 = r0
   334  r1 &= 127
   335  r1 <<= 1
   336  r2 = .data +80 ll
   338  r2 += r1
   339  r0 = *(u16 *)(r2 +0)
   340  exit
unclassified:
   341  r0 = 0
   342  exit
marked:
   343  if r1 == 0x7255 goto queue_noted
   344  if r1 == 0x7254 goto queue_not_noted
   345  goto unmarked
queue_noted:
   346  r0 = *(u32 *)(r6 +12)
   347  exit
queue_not_noted:
   348  r0 = *(u32 *)(r6 +68)
   349  exit
