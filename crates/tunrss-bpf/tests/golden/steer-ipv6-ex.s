; at most 340 instructions
; .rodata 32768 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 336 instructions
     0  r6 = r1
        ; hash types: ipv6-ex
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
window:
        ; too short for any IP header
     5  if r7 < 34 goto unclassified
     6  if r7 >= 54 goto load_full
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
    26  r4 = 54
    27  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    28  r1 = *(u16 *)(r10 -52)
    29  if r1 == 0xdd86 goto ipv6
    30  if r1 == 129 goto vlan_tag
    31  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    32  r1 = *(u32 *)(r6 +20)
    33  r1 <<= 2
    34  r1 += r8
    35  if r1 >= 8 goto unclassified
    36  r8 += 4
    37  r7 -= 4
    38  goto window
ipv6:
    39  if r7 < 54 goto unclassified
    40  r1 = *(u8 *)(r10 -50)
    41  r1 >>= 4
    42  if r1 != 6 goto unclassified
    43  r9 = *(u8 *)(r10 -44)
    44  if r9 == 0 goto walk
    45  if r9 == 43 goto walk
    46  if r9 == 44 goto walk
    47  if r9 == 51 goto walk
    48  if r9 == 60 goto walk
    49  if r9 == 135 goto walk
    50  goto unclassified
walk:
    51  r8 += 54
    52  r7 = 0
    53  *(u64 *)(r10 -80) = 0
    54  *(u64 *)(r10 -96) = 0
walk_header:
    55  if r9 == 44 goto walk_no_ports
    56  if r7 == 11 goto walk_no_ports
    57  r7 += 1
    58  r2 = r8
    59  r1 = r6
    60  r3 = r10
    61  r3 += -68
    62  r4 = 4
    63  call skb_load_bytes
    64  if r0 != 0 goto walk_no_ports
    65  if r9 == 43 goto walk_routing
    66  if r9 == 60 goto walk_destination
walk_advance:
    67  r1 = *(u8 *)(r10 -67)
    68  if r9 == 51 goto walk_authentication
    69  r1 += 1
    70  r1 <<= 3
    71  goto walk_next
walk_authentication:
    72  r1 += 2
    73  r1 <<= 2
walk_next:
    74  r8 += r1
    75  r9 = *(u8 *)(r10 -68)
    76  if r9 == 0 goto walk_header
    77  if r9 == 43 goto walk_header
    78  if r9 == 44 goto walk_header
    79  if r9 == 51 goto walk_header
    80  if r9 == 60 goto walk_header
    81  if r9 == 135 goto walk_header
walk_no_ports:
    82  r7 = 0
    83  r2 = *(u64 *)(r10 -80)
    84  if r2 == 0 goto source_kept
    85  r2 = *(u64 *)(r10 -88)
    86  r1 = r6
    87  r3 = r10
    88  r3 += -42
    89  r4 = 16
    90  call skb_load_bytes
source_kept:
    91  r2 = *(u64 *)(r10 -96)
    92  if r2 == 0 goto destination_kept
    93  r2 = *(u64 *)(r10 -104)
    94  r1 = r6
    95  r3 = r10
    96  r3 += -26
    97  r4 = 16
    98  call skb_load_bytes
destination_kept:
    99  r0 = 0
   100  goto ipv6_hash_addresses
walk_routing:
   101  r1 = *(u64 *)(r10 -96)
   102  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   103  r1 = *(u32 *)(r10 -68)
   104  r1 >>= 8
   105  if r1 != 0x10202 goto walk_advance
   106  r1 = r8
   107  r1 += 24
   108  r2 = *(u32 *)(r6 +0)
   109  if r1 > r2 goto walk_advance
   110  r1 -= 16
   111  *(u64 *)(r10 -96) = 1
   112  *(u64 *)(r10 -104) = r1
   113  goto walk_advance
walk_destination:
   114  r1 = *(u64 *)(r10 -80)
   115  if r1 != 0 goto walk_advance
   116  *(u64 *)(r10 -112) = r8
   117  r1 = *(u8 *)(r10 -67)
   118  r1 += 1
   119  r1 <<= 3
   120  r1 += r8
   121  *(u64 *)(r10 -120) = r1
   122  r8 += 2
   123  r9 = 30
option:
   124  if r9 == 0 goto options_end
   125  r9 -= 1
   126  r1 = *(u64 *)(r10 -120)
   127  if r8 >= r1 goto options_end
   128  r2 = r8
   129  r1 = r6
   130  r3 = r10
   131  r3 += -72
   132  r4 = 2
   133  call skb_load_bytes
   134  if r0 != 0 goto options_end
   135  r1 = *(u8 *)(r10 -72)
   136  if r1 == 0 goto option_pad
   137  r2 = *(u8 *)(r10 -71)
   138  if r1 != 201 goto option_skip
   139  if r2 != 16 goto option_skip
   140  r1 = r8
   141  r1 += 18
   142  r2 = *(u64 *)(r10 -120)
   143  if r1 > r2 goto options_end
   144  r2 = *(u32 *)(r6 +0)
   145  if r1 > r2 goto options_end
   146  r8 += 2
   147  *(u64 *)(r10 -80) = 1
   148  *(u64 *)(r10 -88) = r8
   149  goto options_end
option_skip:
   150  r8 += r2
   151  r8 += 1
option_pad:
   152  r8 += 1
   153  goto option
options_end:
   154  r8 = *(u64 *)(r10 -112)
   155  r9 = 60
   156  goto walk_advance
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   157  r1 = .rodata +0 ll
   159  r2 = *(u8 *)(r10 -42)
   160  r2 <<= 2
   161  r2 += r1
   162  r2 = *(u32 *)(r2 +0)
   163  r0 ^= r2
   164  r2 = *(u8 *)(r10 -41)
   165  r2 <<= 2
   166  r2 += r1
   167  r2 = *(u32 *)(r2 +1024)
   168  r0 ^= r2
   169  r2 = *(u8 *)(r10 -40)
   170  r2 <<= 2
   171  r2 += r1
   172  r2 = *(u32 *)(r2 +2048)
   173  r0 ^= r2
   174  r2 = *(u8 *)(r10 -39)
   175  r2 <<= 2
   176  r2 += r1
   177  r2 = *(u32 *)(r2 +3072)
   178  r0 ^= r2
   179  r2 = *(u8 *)(r10 -38)
   180  r2 <<= 2
   181  r2 += r1
   182  r2 = *(u32 *)(r2 +4096)
   183  r0 ^= r2
   184  r2 = *(u8 *)(r10 -37)
   185  r2 <<= 2
   186  r2 += r1
   187  r2 = *(u32 *)(r2 +5120)
   188  r0 ^= r2
   189  r2 = *(u8 *)(r10 -36)
   190  r2 <<= 2
   191  r2 += r1
   192  r2 = *(u32 *)(r2 +6144)
   193  r0 ^= r2
   194  r2 = *(u8 *)(r10 -35)
   195  r2 <<= 2
   196  r2 += r1
   197  r2 = *(u32 *)(r2 +7168)
   198  r0 ^= r2
   199  r2 = *(u8 *)(r10 -34)
   200  r2 <<= 2
   201  r2 += r1
   202  r2 = *(u32 *)(r2 +8192)
   203  r0 ^= r2
   204  r2 = *(u8 *)(r10 -33)
   205  r2 <<= 2
   206  r2 += r1
   207  r2 = *(u32 *)(r2 +9216)
   208  r0 ^= r2
   209  r2 = *(u8 *)(r10 -32)
   210  r2 <<= 2
   211  r2 += r1
   212  r2 = *(u32 *)(r2 +10240)
   213  r0 ^= r2
   214  r2 = *(u8 *)(r10 -31)
   215  r2 <<= 2
   216  r2 += r1
   217  r2 = *(u32 *)(r2 +11264)
   218  r0 ^= r2
   219  r2 = *(u8 *)(r10 -30)
   220  r2 <<= 2
   221  r2 += r1
   222  r2 = *(u32 *)(r2 +12288)
   223  r0 ^= r2
   224  r2 = *(u8 *)(r10 -29)
   225  r2 <<= 2
   226  r2 += r1
   227  r2 = *(u32 *)(r2 +13312)
   228  r0 ^= r2
   229  r2 = *(u8 *)(r10 -28)
   230  r2 <<= 2
   231  r2 += r1
   232  r2 = *(u32 *)(r2 +14336)
   233  r0 ^= r2
   234  r2 = *(u8 *)(r10 -27)
   235  r2 <<= 2
   236  r2 += r1
   237  r2 = *(u32 *)(r2 +15360)
   238  r0 ^= r2
   239  r2 = *(u8 *)(r10 -26)
   240  r2 <<= 2
   241  r2 += r1
   242  r2 = *(u32 *)(r2 +16384)
   243  r0 ^= r2
   244  r2 = *(u8 *)(r10 -25)
   245  r2 <<= 2
   246  r2 += r1
   247  r2 = *(u32 *)(r2 +17408)
   248  r0 ^= r2
   249  r2 = *(u8 *)(r10 -24)
   250  r2 <<= 2
   251  r2 += r1
   252  r2 = *(u32 *)(r2 +18432)
   253  r0 ^= r2
   254  r2 = *(u8 *)(r10 -23)
   255  r2 <<= 2
   256  r2 += r1
   257  r2 = *(u32 *)(r2 +19456)
   258  r0 ^= r2
   259  r2 = *(u8 *)(r10 -22)
   260  r2 <<= 2
   261  r2 += r1
   262  r2 = *(u32 *)(r2 +20480)
   263  r0 ^= r2
   264  r2 = *(u8 *)(r10 -21)
   265  r2 <<= 2
   266  r2 += r1
   267  r2 = *(u32 *)(r2 +21504)
   268  r0 ^= r2
   269  r2 = *(u8 *)(r10 -20)
   270  r2 <<= 2
   271  r2 += r1
   272  r2 = *(u32 *)(r2 +22528)
   273  r0 ^= r2
   274  r2 = *(u8 *)(r10 -19)
   275  r2 <<= 2
   276  r2 += r1
   277  r2 = *(u32 *)(r2 +23552)
   278  r0 ^= r2
   279  r2 = *(u8 *)(r10 -18)
   280  r2 <<= 2
   281  r2 += r1
   282  r2 = *(u32 *)(r2 +24576)
   283  r0 ^= r2
   284  r2 = *(u8 *)(r10 -17)
   285  r2 <<= 2
   286  r2 += r1
   287  r2 = *(u32 *)(r2 +25600)
   288  r0 ^= r2
   289  r2 = *(u8 *)(r10 -16)
   290  r2 <<= 2
   291  r2 += r1
   292  r2 = *(u32 *)(r2 +26624)
   293  r0 ^= r2
   294  r2 = *(u8 *)(r10 -15)
   295  r2 <<= 2
   296  r2 += r1
   297  r2 = *(u32 *)(r2 +27648)
   298  r0 ^= r2
   299  r2 = *(u8 *)(r10 -14)
   300  r2 <<= 2
   301  r2 += r1
   302  r2 = *(u32 *)(r2 +28672)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -13)
   305  r2 <<= 2
   306  r2 += r1
   307  r2 = *(u32 *)(r2 +29696)
   308  r0 ^= r2
   309  r2 = *(u8 *)(r10 -12)
   310  r2 <<= 2
   311  r2 += r1
   312  r2 = *(u32 *)(r2 +30720)
   313  r0 ^= r2
   314  r2 = *(u8 *)(r10 -11)
   315  r2 <<= 2
   316  r2 += r1
   317  r2 = *(u32 *)(r2 +31744)
   318  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   319  r1 = r0
   320  r1 &= 127
   321  r1 <<= 1
   322  r2 = .data +80 ll
   324  r2 += r1
   325  r0 = *(u16 *)(r2 +0)
   326  exit
unclassified:
   327  r0 = 0
   328  exit
marked:
   329  if r1 == 0x7255 goto queue_noted
   330  if r1 == 0x7254 goto queue_not_noted
   331  goto unmarked
queue_noted:
   332  r0 = *(u32 *)(r6 +12)
   333  exit
queue_not_noted:
   334  r0 = *(u32 *)(r6 +68)
   335  exit
