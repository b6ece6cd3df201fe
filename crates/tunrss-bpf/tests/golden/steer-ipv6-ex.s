; at most 340 instructions
; .rodata 8192 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 304 instructions
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
   160  r2 += r1
   161  r2 = *(u8 *)(r2 +0)
   162  r0 ^= r2
   163  r2 = *(u8 *)(r10 -41)
   164  r2 += r1
   165  r2 = *(u8 *)(r2 +256)
   166  r0 ^= r2
   167  r2 = *(u8 *)(r10 -40)
   168  r2 += r1
   169  r2 = *(u8 *)(r2 +512)
   170  r0 ^= r2
   171  r2 = *(u8 *)(r10 -39)
   172  r2 += r1
   173  r2 = *(u8 *)(r2 +768)
   174  r0 ^= r2
   175  r2 = *(u8 *)(r10 -38)
   176  r2 += r1
   177  r2 = *(u8 *)(r2 +1024)
   178  r0 ^= r2
   179  r2 = *(u8 *)(r10 -37)
   180  r2 += r1
   181  r2 = *(u8 *)(r2 +1280)
   182  r0 ^= r2
   183  r2 = *(u8 *)(r10 -36)
   184  r2 += r1
   185  r2 = *(u8 *)(r2 +1536)
   186  r0 ^= r2
   187  r2 = *(u8 *)(r10 -35)
   188  r2 += r1
   189  r2 = *(u8 *)(r2 +1792)
   190  r0 ^= r2
   191  r2 = *(u8 *)(r10 -34)
   192  r2 += r1
   193  r2 = *(u8 *)(r2 +2048)
   194  r0 ^= r2
   195  r2 = *(u8 *)(r10 -33)
   196  r2 += r1
   197  r2 = *(u8 *)(r2 +2304)
   198  r0 ^= r2
   199  r2 = *(u8 *)(r10 -32)
   200  r2 += r1
   201  r2 = *(u8 *)(r2 +2560)
   202  r0 ^= r2
   203  r2 = *(u8 *)(r10 -31)
   204  r2 += r1
   205  r2 = *(u8 *)(r2 +2816)
   206  r0 ^= r2
   207  r2 = *(u8 *)(r10 -30)
   208  r2 += r1
   209  r2 = *(u8 *)(r2 +3072)
   210  r0 ^= r2
   211  r2 = *(u8 *)(r10 -29)
   212  r2 += r1
   213  r2 = *(u8 *)(r2 +3328)
   214  r0 ^= r2
   215  r2 = *(u8 *)(r10 -28)
   216  r2 += r1
   217  r2 = *(u8 *)(r2 +3584)
   218  r0 ^= r2
   219  r2 = *(u8 *)(r10 -27)
   220  r2 += r1
   221  r2 = *(u8 *)(r2 +3840)
   222  r0 ^= r2
   223  r2 = *(u8 *)(r10 -26)
   224  r2 += r1
   225  r2 = *(u8 *)(r2 +4096)
   226  r0 ^= r2
   227  r2 = *(u8 *)(r10 -25)
   228  r2 += r1
   229  r2 = *(u8 *)(r2 +4352)
   230  r0 ^= r2
   231  r2 = *(u8 *)(r10 -24)
   232  r2 += r1
   233  r2 = *(u8 *)(r2 +4608)
   234  r0 ^= r2
   235  r2 = *(u8 *)(r10 -23)
   236  r2 += r1
   237  r2 = *(u8 *)(r2 +4864)
   238  r0 ^= r2
   239  r2 = *(u8 *)(r10 -22)
   240  r2 += r1
   241  r2 = *(u8 *)(r2 +5120)
   242  r0 ^= r2
   243  r2 = *(u8 *)(r10 -21)
   244  r2 += r1
   245  r2 = *(u8 *)(r2 +5376)
   246  r0 ^= r2
   247  r2 = *(u8 *)(r10 -20)
   248  r2 += r1
   249  r2 = *(u8 *)(r2 +5632)
   250  r0 ^= r2
   251  r2 = *(u8 *)(r10 -19)
   252  r2 += r1
   253  r2 = *(u8 *)(r2 +5888)
   254  r0 ^= r2
   255  r2 = *(u8 *)(r10 -18)
   256  r2 += r1
   257  r2 = *(u8 *)(r2 +6144)
   258  r0 ^= r2
   259  r2 = *(u8 *)(r10 -17)
   260  r2 += r1
   261  r2 = *(u8 *)(r2 +6400)
   262  r0 ^= r2
   263  r2 = *(u8 *)(r10 -16)
   264  r2 += r1
   265  r2 = *(u8 *)(r2 +6656)
   266  r0 ^= r2
   267  r2 = *(u8 *)(r10 -15)
   268  r2 += r1
   269  r2 = *(u8 *)(r2 +6912)
   270  r0 ^= r2
   271  r2 = *(u8 *)(r10 -14)
   272  r2 += r1
   273  r2 = *(u8 *)(r2 +7168)
   274  r0 ^= r2
   275  r2 = *(u8 *)(r10 -13)
   276  r2 += r1
   277  r2 = *(u8 *)(r2 +7424)
   278  r0 ^= r2
   279  r2 = *(u8 *)(r10 -12)
   280  r2 += r1
   281  r2 = *(u8 *)(r2 +7680)
   282  r0 ^= r2
   283  r2 = *(u8 *)(r10 -11)
   284  r2 += r1
   285  r2 = *(u8 *)(r2 +7936)
   286  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   287  r1 = r0
   288  r1 &= 127
   289  r1 <<= 1
   290  r2 = .data +80 ll
   292  r2 += r1
   293  r0 = *(u16 *)(r2 +0)
   294  exit
unclassified:
   295  r0 = 0
   296  exit
marked:
   297  if r1 == 0x7255 goto queue_noted
   298  if r1 == 0x7254 goto queue_not_noted
   299  goto unmarked
queue_noted:
   300  r0 = *(u32 *)(r6 +12)
   301  exit
queue_not_noted:
   302  r0 = *(u32 *)(r6 +68)
   303  exit
