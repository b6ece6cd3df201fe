; at most 330 instructions
; .rodata 32768 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_steer (SOCKET_FILTER), 327 instructions
     0  r6 = r1
        ; hash types: ipv6-ex
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
window:
        ; too short for any IP header
     3  if r7 < 34 goto unclassified
     4  if r7 >= 54 goto load_full
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
    24  r4 = 54
    25  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    26  r1 = *(u16 *)(r10 -52)
    27  if r1 == 0xdd86 goto ipv6
    28  if r1 == 129 goto vlan_tag
    29  if r1 != 0xa888 goto unclassified
vlan_tag:
        ; an accelerated tag stands in front of those in the data
    30  r1 = *(u32 *)(r6 +20)
    31  r1 <<= 2
    32  r1 += r8
    33  if r1 >= 8 goto unclassified
    34  r8 += 4
    35  r7 -= 4
    36  goto window
ipv6:
    37  if r7 < 54 goto unclassified
    38  r1 = *(u8 *)(r10 -50)
    39  r1 >>= 4
    40  if r1 != 6 goto unclassified
    41  r9 = *(u8 *)(r10 -44)
    42  if r9 == 0 goto walk
    43  if r9 == 43 goto walk
    44  if r9 == 44 goto walk
    45  if r9 == 51 goto walk
    46  if r9 == 60 goto walk
    47  if r9 == 135 goto walk
    48  goto unclassified
walk:
    49  r8 += 54
    50  r7 = 0
    51  *(u64 *)(r10 -80) = 0
    52  *(u64 *)(r10 -96) = 0
walk_header:
    53  if r9 == 44 goto walk_no_ports
    54  if r7 == 11 goto walk_no_ports
    55  r7 += 1
    56  r2 = r8
    57  r1 = r6
    58  r3 = r10
    59  r3 += -68
    60  r4 = 4
    61  call skb_load_bytes
    62  if r0 != 0 goto walk_no_ports
    63  if r9 == 43 goto walk_routing
    64  if r9 == 60 goto walk_destination
walk_advance:
    65  r1 = *(u8 *)(r10 -67)
    66  if r9 == 51 goto walk_authentication
    67  r1 += 1
    68  r1 <<= 3
    69  goto walk_next
walk_authentication:
    70  r1 += 2
    71  r1 <<= 2
walk_next:
    72  r8 += r1
    73  r9 = *(u8 *)(r10 -68)
    74  if r9 == 0 goto walk_header
    75  if r9 == 43 goto walk_header
    76  if r9 == 44 goto walk_header
    77  if r9 == 51 goto walk_header
    78  if r9 == 60 goto walk_header
    79  if r9 == 135 goto walk_header
walk_no_ports:
    80  r7 = 0
    81  r2 = *(u64 *)(r10 -80)
    82  if r2 == 0 goto source_kept
    83  r2 = *(u64 *)(r10 -88)
    84  r1 = r6
    85  r3 = r10
    86  r3 += -42
    87  r4 = 16
    88  call skb_load_bytes
source_kept:
    89  r2 = *(u64 *)(r10 -96)
    90  if r2 == 0 goto destination_kept
    91  r2 = *(u64 *)(r10 -104)
    92  r1 = r6
    93  r3 = r10
    94  r3 += -26
    95  r4 = 16
    96  call skb_load_bytes
destination_kept:
    97  r0 = 0
    98  goto ipv6_hash_addresses
walk_routing:
    99  r1 = *(u64 *)(r10 -96)
   100  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   101  r1 = *(u32 *)(r10 -68)
   102  r1 >>= 8
   103  if r1 != 0x10202 goto walk_advance
   104  r1 = r8
   105  r1 += 24
   106  r2 = *(u32 *)(r6 +0)
   107  if r1 > r2 goto walk_advance
   108  r1 -= 16
   109  *(u64 *)(r10 -96) = 1
   110  *(u64 *)(r10 -104) = r1
   111  goto walk_advance
walk_destination:
   112  r1 = *(u64 *)(r10 -80)
   113  if r1 != 0 goto walk_advance
   114  *(u64 *)(r10 -112) = r8
   115  r1 = *(u8 *)(r10 -67)
   116  r1 += 1
   117  r1 <<= 3
   118  r1 += r8
   119  *(u64 *)(r10 -120) = r1
   120  r8 += 2
   121  r9 = 30
option:
   122  if r9 == 0 goto options_end
   123  r9 -= 1
   124  r1 = *(u64 *)(r10 -120)
   125  if r8 >= r1 goto options_end
   126  r2 = r8
   127  r1 = r6
   128  r3 = r10
   129  r3 += -72
   130  r4 = 2
   131  call skb_load_bytes
   132  if r0 != 0 goto options_end
   133  r1 = *(u8 *)(r10 -72)
   134  if r1 == 0 goto option_pad
   135  r2 = *(u8 *)(r10 -71)
   136  if r1 != 201 goto option_skip
   137  if r2 != 16 goto option_skip
   138  r1 = r8
   139  r1 += 18
   140  r2 = *(u64 *)(r10 -120)
   141  if r1 > r2 goto options_end
   142  r2 = *(u32 *)(r6 +0)
   143  if r1 > r2 goto options_end
   144  r8 += 2
   145  *(u64 *)(r10 -80) = 1
   146  *(u64 *)(r10 -88) = r8
   147  goto options_end
option_skip:
   148  r8 += r2
   149  r8 += 1
option_pad:
   150  r8 += 1
   151  goto option
options_end:
   152  r8 = *(u64 *)(r10 -112)
   153  r9 = 60
   154  goto walk_advance
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   155  r1 = .rodata +0 ll
   157  r2 = *(u8 *)(r10 -42)
   158  r2 <<= 2
   159  r2 += r1
   160  r2 = *(u32 *)(r2 +0)
   161  r0 ^= r2
   162  r2 = *(u8 *)(r10 -41)
   163  r2 <<= 2
   164  r2 += r1
   165  r2 = *(u32 *)(r2 +1024)
   166  r0 ^= r2
   167  r2 = *(u8 *)(r10 -40)
   168  r2 <<= 2
   169  r2 += r1
   170  r2 = *(u32 *)(r2 +2048)
   171  r0 ^= r2
   172  r2 = *(u8 *)(r10 -39)
   173  r2 <<= 2
   174  r2 += r1
   175  r2 = *(u32 *)(r2 +3072)
   176  r0 ^= r2
   177  r2 = *(u8 *)(r10 -38)
   178  r2 <<= 2
   179  r2 += r1
   180  r2 = *(u32 *)(r2 +4096)
   181  r0 ^= r2
   182  r2 = *(u8 *)(r10 -37)
   183  r2 <<= 2
   184  r2 += r1
   185  r2 = *(u32 *)(r2 +5120)
   186  r0 ^= r2
   187  r2 = *(u8 *)(r10 -36)
   188  r2 <<= 2
   189  r2 += r1
   190  r2 = *(u32 *)(r2 +6144)
   191  r0 ^= r2
   192  r2 = *(u8 *)(r10 -35)
   193  r2 <<= 2
   194  r2 += r1
   195  r2 = *(u32 *)(r2 +7168)
   196  r0 ^= r2
   197  r2 = *(u8 *)(r10 -34)
   198  r2 <<= 2
   199  r2 += r1
   200  r2 = *(u32 *)(r2 +8192)
   201  r0 ^= r2
   202  r2 = *(u8 *)(r10 -33)
   203  r2 <<= 2
   204  r2 += r1
   205  r2 = *(u32 *)(r2 +9216)
   206  r0 ^= r2
   207  r2 = *(u8 *)(r10 -32)
   208  r2 <<= 2
   209  r2 += r1
   210  r2 = *(u32 *)(r2 +10240)
   211  r0 ^= r2
   212  r2 = *(u8 *)(r10 -31)
   213  r2 <<= 2
   214  r2 += r1
   215  r2 = *(u32 *)(r2 +11264)
   216  r0 ^= r2
   217  r2 = *(u8 *)(r10 -30)
   218  r2 <<= 2
   219  r2 += r1
   220  r2 = *(u32 *)(r2 +12288)
   221  r0 ^= r2
   222  r2 = *(u8 *)(r10 -29)
   223  r2 <<= 2
   224  r2 += r1
   225  r2 = *(u32 *)(r2 +13312)
   226  r0 ^= r2
   227  r2 = *(u8 *)(r10 -28)
   228  r2 <<= 2
   229  r2 += r1
   230  r2 = *(u32 *)(r2 +14336)
   231  r0 ^= r2
   232  r2 = *(u8 *)(r10 -27)
   233  r2 <<= 2
   234  r2 += r1
   235  r2 = *(u32 *)(r2 +15360)
   236  r0 ^= r2
   237  r2 = *(u8 *)(r10 -26)
   238  r2 <<= 2
   239  r2 += r1
   240  r2 = *(u32 *)(r2 +16384)
   241  r0 ^= r2
   242  r2 = *(u8 *)(r10 -25)
   243  r2 <<= 2
   244  r2 += r1
   245  r2 = *(u32 *)(r2 +17408)
   246  r0 ^= r2
   247  r2 = *(u8 *)(r10 -24)
   248  r2 <<= 2
   249  r2 += r1
   250  r2 = *(u32 *)(r2 +18432)
   251  r0 ^= r2
   252  r2 = *(u8 *)(r10 -23)
   253  r2 <<= 2
   254  r2 += r1
   255  r2 = *(u32 *)(r2 +19456)
   256  r0 ^= r2
   257  r2 = *(u8 *)(r10 -22)
   258  r2 <<= 2
   259  r2 += r1
   260  r2 = *(u32 *)(r2 +20480)
   261  r0 ^= r2
   262  r2 = *(u8 *)(r10 -21)
   263  r2 <<= 2
   264  r2 += r1
   265  r2 = *(u32 *)(r2 +21504)
   266  r0 ^= r2
   267  r2 = *(u8 *)(r10 -20)
   268  r2 <<= 2
   269  r2 += r1
   270  r2 = *(u32 *)(r2 +22528)
   271  r0 ^= r2
   272  r2 = *(u8 *)(r10 -19)
   273  r2 <<= 2
   274  r2 += r1
   275  r2 = *(u32 *)(r2 +23552)
   276  r0 ^= r2
   277  r2 = *(u8 *)(r10 -18)
   278  r2 <<= 2
   279  r2 += r1
   280  r2 = *(u32 *)(r2 +24576)
   281  r0 ^= r2
   282  r2 = *(u8 *)(r10 -17)
   283  r2 <<= 2
   284  r2 += r1
   285  r2 = *(u32 *)(r2 +25600)
   286  r0 ^= r2
   287  r2 = *(u8 *)(r10 -16)
   288  r2 <<= 2
   289  r2 += r1
   290  r2 = *(u32 *)(r2 +26624)
   291  r0 ^= r2
   292  r2 = *(u8 *)(r10 -15)
   293  r2 <<= 2
   294  r2 += r1
   295  r2 = *(u32 *)(r2 +27648)
   296  r0 ^= r2
   297  r2 = *(u8 *)(r10 -14)
   298  r2 <<= 2
   299  r2 += r1
   300  r2 = *(u32 *)(r2 +28672)
   301  r0 ^= r2
   302  r2 = *(u8 *)(r10 -13)
   303  r2 <<= 2
   304  r2 += r1
   305  r2 = *(u32 *)(r2 +29696)
   306  r0 ^= r2
   307  r2 = *(u8 *)(r10 -12)
   308  r2 <<= 2
   309  r2 += r1
   310  r2 = *(u32 *)(r2 +30720)
   311  r0 ^= r2
   312  r2 = *(u8 *)(r10 -11)
   313  r2 <<= 2
   314  r2 += r1
   315  r2 = *(u32 *)(r2 +31744)
   316  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   317  r1 = r0
   318  r1 &= 127
   319  r1 <<= 1
   320  r2 = .data +32 ll
   322  r2 += r1
   323  r0 = *(u16 *)(r2 +0)
   324  exit
unclassified:
   325  r0 = 0
   326  exit
