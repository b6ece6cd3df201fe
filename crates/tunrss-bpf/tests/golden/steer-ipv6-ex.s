; at most 340 instructions
; .rodata 8192 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 336 instructions
     0  r6 = r1
        ; hash types: ipv6-ex
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
     3  r7 = *(u32 *)(r6 +0)
     4  r8 = 0
     5  if r7 >= 62 goto load_full
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
    15  r2 = r8
    16  r1 = r6
    17  r3 = r10
    18  r3 += -72
    19  r4 = r7
    20  call skb_load_bytes
    21  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    22  r2 = r8
    23  r1 = r6
    24  r3 = r10
    25  r3 += -72
    26  r4 = 62
    27  call skb_load_bytes
loaded:
        ; EtherType, as it loads: 8 IPv4, 0xdd86 IPv6, 0x81 and 0xa888 VLAN
    28  r1 = *(u16 *)(r10 -60)
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
        ; too short for any IP header
    38  if r7 < 34 goto unclassified
    39  r1 = *(u32 *)(r10 -56)
    40  *(u32 *)(r10 -60) = r1
    41  r1 = *(u32 *)(r10 -52)
    42  *(u32 *)(r10 -56) = r1
    43  r1 = *(u32 *)(r10 -48)
    44  *(u32 *)(r10 -52) = r1
    45  r1 = *(u32 *)(r10 -44)
    46  *(u32 *)(r10 -48) = r1
    47  r1 = *(u32 *)(r10 -40)
    48  *(u32 *)(r10 -44) = r1
    49  r1 = *(u32 *)(r10 -36)
    50  *(u32 *)(r10 -40) = r1
    51  r1 = *(u32 *)(r10 -32)
    52  *(u32 *)(r10 -36) = r1
    53  r1 = *(u32 *)(r10 -28)
    54  *(u32 *)(r10 -32) = r1
    55  r1 = *(u32 *)(r10 -24)
    56  *(u32 *)(r10 -28) = r1
    57  r1 = *(u32 *)(r10 -20)
    58  *(u32 *)(r10 -24) = r1
    59  r1 = *(u32 *)(r10 -16)
    60  *(u32 *)(r10 -20) = r1
    61  r1 = *(u8 *)(r10 -12)
    62  *(u8 *)(r10 -16) = r1
    63  r1 = *(u8 *)(r10 -11)
    64  *(u8 *)(r10 -15) = r1
    65  goto loaded
ipv6:
    66  if r7 < 54 goto unclassified
    67  r1 = *(u8 *)(r10 -58)
    68  r1 >>= 4
    69  if r1 != 6 goto unclassified
    70  r1 = *(u8 *)(r10 -52)
    71  if r1 == 0 goto walk
    72  if r1 == 43 goto walk
    73  if r1 == 44 goto walk
    74  if r1 == 51 goto walk
    75  if r1 == 60 goto walk
    76  if r1 == 135 goto walk
    77  goto unclassified
walk:
    78  r8 += 54
    79  r9 = *(u8 *)(r10 -52)
    80  r7 = 0
        ; no address yet
    81  r1 = *(u32 *)(r6 +0)
    82  *(u64 *)(r10 -88) = r1
    83  *(u64 *)(r10 -96) = r1
walk_header:
    84  if r9 == 44 goto walk_no_ports
    85  if r7 == 11 goto walk_no_ports
    86  r7 += 1
    87  r2 = r8
    88  r1 = r6
    89  r3 = r10
    90  r3 += -76
    91  r4 = 4
    92  call skb_load_bytes
    93  if r0 != 0 goto walk_no_ports
    94  if r9 == 43 goto walk_routing
    95  if r9 == 60 goto walk_destination
walk_advance:
    96  r1 = *(u8 *)(r10 -75)
    97  if r9 == 51 goto walk_authentication
    98  r1 += 1
    99  r1 <<= 3
   100  goto walk_next
walk_authentication:
   101  r1 += 2
   102  r1 <<= 2
walk_next:
   103  r8 += r1
   104  r9 = *(u8 *)(r10 -76)
   105  r1 = *(u8 *)(r10 -76)
   106  if r1 == 0 goto walk_header
   107  if r1 == 43 goto walk_header
   108  if r1 == 44 goto walk_header
   109  if r1 == 51 goto walk_header
   110  if r1 == 60 goto walk_header
   111  if r1 == 135 goto walk_header
walk_no_ports:
   112  r7 = 0
   113  r2 = *(u64 *)(r10 -88)
   114  r1 = *(u32 *)(r6 +0)
   115  if r2 == r1 goto source_kept
   116  r1 = r6
   117  r3 = r10
   118  r3 += -50
   119  r4 = 16
   120  call skb_load_bytes
source_kept:
   121  r2 = *(u64 *)(r10 -96)
   122  r1 = *(u32 *)(r6 +0)
   123  if r2 == r1 goto destination_kept
   124  r1 = r6
   125  r3 = r10
   126  r3 += -34
   127  r4 = 16
   128  call skb_load_bytes
destination_kept:
   129  r0 = 0
   130  goto ipv6_hash_addresses
walk_routing:
   131  r2 = *(u64 *)(r10 -96)
   132  r1 = *(u32 *)(r6 +0)
   133  if r2 != r1 goto walk_advance
        ; length 2, type 2, 1 segment left
   134  r2 = *(u32 *)(r10 -76)
   135  r2 >>= 8
   136  if r2 != 0x10202 goto walk_advance
   137  r2 = r8
   138  r2 += 24
   139  if r2 > r1 goto walk_advance
   140  r2 -= 16
   141  *(u64 *)(r10 -96) = r2
   142  goto walk_advance
walk_destination:
   143  r2 = *(u64 *)(r10 -88)
   144  r1 = *(u32 *)(r6 +0)
   145  if r2 != r1 goto walk_advance
   146  *(u64 *)(r10 -104) = r8
        ; the options end where the header does, or the packet
   147  r2 = *(u8 *)(r10 -75)
   148  r2 += 1
   149  r2 <<= 3
   150  r2 += r8
   151  if r1 > r2 goto options_whole
   152  r2 = r1
options_whole:
   153  *(u64 *)(r10 -112) = r2
   154  r8 += 2
   155  r9 = 30
option:
   156  r1 = *(u64 *)(r10 -112)
   157  if r8 >= r1 goto options_end
        ; zeros, a Pad1, if the packet ends behind the first byte
   158  r2 = r8
   159  r1 = r6
   160  r3 = r10
   161  r3 += -80
   162  r4 = 2
   163  call skb_load_bytes
   164  r1 = *(u16 *)(r10 -80)
   165  if r1 == 0x10c9 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   166  r2 = *(u8 *)(r10 -80)
   167  r3 = 0
   168  r3 -= r2
   169  r3 >>= 63
   170  r1 >>= 8
   171  r1 += 1
   172  r1 *= r3
   173  r8 += r1
   174  r8 += 1
   175  r9 -= 1
   176  if r9 != 0 goto option
   177  goto options_end
option_found:
   178  r8 += 18
   179  r1 = *(u64 *)(r10 -112)
   180  if r8 > r1 goto options_end
   181  r8 -= 16
   182  *(u64 *)(r10 -88) = r8
options_end:
   183  r8 = *(u64 *)(r10 -104)
   184  r9 = 60
   185  goto walk_advance
ipv6_hash_addresses:
        ; hash input bytes 0 to 31
   186  r1 = .rodata +0 ll
   188  r2 = *(u8 *)(r10 -50)
   189  r2 += r1
   190  r2 = *(u8 *)(r2 +0)
   191  r0 ^= r2
   192  r2 = *(u8 *)(r10 -49)
   193  r2 += r1
   194  r2 = *(u8 *)(r2 +256)
   195  r0 ^= r2
   196  r2 = *(u8 *)(r10 -48)
   197  r2 += r1
   198  r2 = *(u8 *)(r2 +512)
   199  r0 ^= r2
   200  r2 = *(u8 *)(r10 -47)
   201  r2 += r1
   202  r2 = *(u8 *)(r2 +768)
   203  r0 ^= r2
   204  r2 = *(u8 *)(r10 -46)
   205  r2 += r1
   206  r2 = *(u8 *)(r2 +1024)
   207  r0 ^= r2
   208  r2 = *(u8 *)(r10 -45)
   209  r2 += r1
   210  r2 = *(u8 *)(r2 +1280)
   211  r0 ^= r2
   212  r2 = *(u8 *)(r10 -44)
   213  r2 += r1
   214  r2 = *(u8 *)(r2 +1536)
   215  r0 ^= r2
   216  r2 = *(u8 *)(r10 -43)
   217  r2 += r1
   218  r2 = *(u8 *)(r2 +1792)
   219  r0 ^= r2
   220  r2 = *(u8 *)(r10 -42)
   221  r2 += r1
   222  r2 = *(u8 *)(r2 +2048)
   223  r0 ^= r2
   224  r2 = *(u8 *)(r10 -41)
   225  r2 += r1
   226  r2 = *(u8 *)(r2 +2304)
   227  r0 ^= r2
   228  r2 = *(u8 *)(r10 -40)
   229  r2 += r1
   230  r2 = *(u8 *)(r2 +2560)
   231  r0 ^= r2
   232  r2 = *(u8 *)(r10 -39)
   233  r2 += r1
   234  r2 = *(u8 *)(r2 +2816)
   235  r0 ^= r2
   236  r2 = *(u8 *)(r10 -38)
   237  r2 += r1
   238  r2 = *(u8 *)(r2 +3072)
   239  r0 ^= r2
   240  r2 = *(u8 *)(r10 -37)
   241  r2 += r1
   242  r2 = *(u8 *)(r2 +3328)
   243  r0 ^= r2
   244  r2 = *(u8 *)(r10 -36)
   245  r2 += r1
   246  r2 = *(u8 *)(r2 +3584)
   247  r0 ^= r2
   248  r2 = *(u8 *)(r10 -35)
   249  r2 += r1
   250  r2 = *(u8 *)(r2 +3840)
   251  r0 ^= r2
   252  r2 = *(u8 *)(r10 -34)
   253  r2 += r1
   254  r2 = *(u8 *)(r2 +4096)
   255  r0 ^= r2
   256  r2 = *(u8 *)(r10 -33)
   257  r2 += r1
   258  r2 = *(u8 *)(r2 +4352)
   259  r0 ^= r2
   260  r2 = *(u8 *)(r10 -32)
   261  r2 += r1
   262  r2 = *(u8 *)(r2 +4608)
   263  r0 ^= r2
   264  r2 = *(u8 *)(r10 -31)
   265  r2 += r1
   266  r2 = *(u8 *)(r2 +4864)
   267  r0 ^= r2
   268  r2 = *(u8 *)(r10 -30)
   269  r2 += r1
   270  r2 = *(u8 *)(r2 +5120)
   271  r0 ^= r2
   272  r2 = *(u8 *)(r10 -29)
   273  r2 += r1
   274  r2 = *(u8 *)(r2 +5376)
   275  r0 ^= r2
   276  r2 = *(u8 *)(r10 -28)
   277  r2 += r1
   278  r2 = *(u8 *)(r2 +5632)
   279  r0 ^= r2
   280  r2 = *(u8 *)(r10 -27)
   281  r2 += r1
   282  r2 = *(u8 *)(r2 +5888)
   283  r0 ^= r2
   284  r2 = *(u8 *)(r10 -26)
   285  r2 += r1
   286  r2 = *(u8 *)(r2 +6144)
   287  r0 ^= r2
   288  r2 = *(u8 *)(r10 -25)
   289  r2 += r1
   290  r2 = *(u8 *)(r2 +6400)
   291  r0 ^= r2
   292  r2 = *(u8 *)(r10 -24)
   293  r2 += r1
   294  r2 = *(u8 *)(r2 +6656)
   295  r0 ^= r2
   296  r2 = *(u8 *)(r10 -23)
   297  r2 += r1
   298  r2 = *(u8 *)(r2 +6912)
   299  r0 ^= r2
   300  r2 = *(u8 *)(r10 -22)
   301  r2 += r1
   302  r2 = *(u8 *)(r2 +7168)
   303  r0 ^= r2
   304  r2 = *(u8 *)(r10 -21)
   305  r2 += r1
   306  r2 = *(u8 *)(r2 +7424)
   307  r0 ^= r2
   308  r2 = *(u8 *)(r10 -20)
   309  r2 += r1
   310  r2 = *(u8 *)(r2 +7680)
   311  r0 ^= r2
   312  r2 = *(u8 *)(r10 -19)
   313  r2 += r1
   314  r2 = *(u8 *)(r2 +7936)
   315  r0 ^= r2
        ; the entry of the indirection table that the hash's low bits name
   316  r1 = r0
   317  r1 &= 127
   318  r1 <<= 1
   319  r2 = .data +80 ll
   321  r2 += r1
   322  r0 = *(u16 *)(r2 +0)
   323  exit
unclassified:
   324  r0 = 0
   325  exit
marked:
   326  if r1 == 0x7255 goto queue_noted
   327  if r1 == 0x7254 goto queue_not_noted
   328  if r1 == 0x7256 goto queue_last
   329  goto unmarked
queue_last:
   330  r0 = 0xffff
   331  exit
queue_noted:
   332  r0 = *(u32 *)(r6 +12)
   333  exit
queue_not_noted:
   334  r0 = *(u32 *)(r6 +68)
   335  exit
