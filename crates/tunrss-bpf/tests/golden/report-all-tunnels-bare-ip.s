; at most 930 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_report (SCHED_CLS), 895 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
        ; tunnel types: gre,gre-2890,gre-7676,gre-udp,vxlan,vxlan-gpe,geneve,ipip,nvgre
        ; hash input: symmetric-or-xor
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
     3  *(u64 *)(r10 -128) = 0
window:
        ; too short for any IP header
     4  if r7 < 20 goto unclassified
     5  if r7 >= 44 goto load_full
        ; a short packet: what there is
     6  *(u64 *)(r10 -64) = 0
     7  *(u64 *)(r10 -56) = 0
     8  *(u64 *)(r10 -48) = 0
     9  *(u64 *)(r10 -40) = 0
    10  *(u64 *)(r10 -32) = 0
    11  *(u64 *)(r10 -24) = 0
    12  *(u64 *)(r10 -16) = 0
    13  *(u64 *)(r10 -8) = 0
    14  r2 = r8
    15  r1 = r6
    16  r3 = r10
    17  r3 += -64
    18  r4 = r7
    19  call skb_load_bytes
    20  goto loaded
load_full:
        ; link header, IP header and ports, as far as they are needed
    21  r2 = r8
    22  r1 = r6
    23  r3 = r10
    24  r3 += -64
    25  r4 = 44
    26  call skb_load_bytes
loaded:
        ; IP version
    27  r1 = *(u8 *)(r10 -64)
    28  r1 >>= 4
    29  r2 = *(u64 *)(r10 -128)
    30  if r2 == 0 goto dispatch
    31  if r1 != r2 goto unclassified
dispatch:
    32  if r1 == 4 goto ipv4
    33  if r1 == 6 goto ipv6
    34  goto unclassified
ipv4:
    35  r1 = *(u8 *)(r10 -64)
        ; only one tunnel is looked into
    36  r2 = *(u64 *)(r10 -128)
    37  if r2 != 0 goto ipv4_no_tunnel
    38  r9 = r8
    39  r2 = *(u16 *)(r10 -58)
    40  if r2 & 0xff3f goto ipv4_no_tunnel
    41  r1 = *(u8 *)(r10 -64)
    42  r2 = r1
    43  r2 &= 15
    44  if r2 < 5 goto ipv4_no_tunnel
    45  r2 <<= 2
    46  r9 += r2
    47  r9 += 0
    48  r2 = *(u8 *)(r10 -55)
    49  if r2 == 47 goto ipv4_gre
    50  if r2 == 17 goto ipv4_udp_tunnel
    51  if r2 != 4 goto ipv4_no_tunnel
    52  r3 = *(u32 *)(r6 +0)
    53  if r9 > r3 goto ipv4_no_tunnel
    54  goto inner_ipv4
ipv4_gre:
    55  r2 = r9
    56  r1 = r6
    57  r3 = r10
    58  r3 += -144
    59  r4 = 4
    60  call skb_load_bytes
    61  if r0 != 0 goto ipv4_no_tunnel
    62  r1 = *(u16 *)(r10 -144)
    63  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
    64  r9 += 4
    65  r2 = r1
    66  r2 &= 128
    67  r2 >>= 5
    68  r9 += r2
    69  r2 = r1
    70  r2 &= 32
    71  r2 >>= 3
    72  r9 += r2
    73  r2 = r1
    74  r2 &= 16
    75  r2 >>= 2
    76  r9 += r2
    77  r3 = *(u32 *)(r6 +0)
    78  if r9 > r3 goto ipv4_no_tunnel
    79  r2 = *(u16 *)(r10 -142)
    80  if r2 != 8 goto gre_other
    81  goto inner_ipv4
gre_other:
    82  if r2 != 0xdd86 goto gre_other
    83  goto inner_ipv6
gre_other:
    84  if r2 != 0x5865 goto gre_other
    85  goto inner_ethernet
gre_other:
    86  goto ipv4_no_tunnel
ipv4_udp_tunnel:
    87  r1 &= 15
    88  if r1 != 5 goto udp_options
    89  if r7 < 24 goto ipv4_no_tunnel
udp_port:
    90  r2 = *(u16 *)(r10 -42)
    91  r9 += 8
    92  if r2 == 0xb512 goto vxlan
    93  if r2 == 0xc117 goto geneve
    94  if r2 == 0xb612 goto vxlan_gpe
    95  if r2 == 0x9212 goto gre_udp
    96  goto ipv4_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
    97  r2 = r9
    98  r1 = r6
    99  r3 = r10
   100  r3 += -44
   101  r4 = 4
   102  call skb_load_bytes
   103  if r0 != 0 goto ipv4_no_tunnel
   104  goto udp_port
gre_udp:
   105  r2 = r9
   106  r1 = r6
   107  r3 = r10
   108  r3 += -144
   109  r4 = 4
   110  call skb_load_bytes
   111  if r0 != 0 goto ipv4_no_tunnel
   112  r1 = *(u16 *)(r10 -144)
   113  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   114  r9 += 4
   115  r2 = r1
   116  r2 &= 128
   117  r2 >>= 5
   118  r9 += r2
   119  r2 = r1
   120  r2 &= 32
   121  r2 >>= 3
   122  r9 += r2
   123  r2 = r1
   124  r2 &= 16
   125  r2 >>= 2
   126  r9 += r2
   127  r3 = *(u32 *)(r6 +0)
   128  if r9 > r3 goto ipv4_no_tunnel
   129  r2 = *(u16 *)(r10 -142)
   130  if r2 != 8 goto gre_other
   131  goto inner_ipv4
gre_other:
   132  if r2 != 0xdd86 goto gre_other
   133  goto inner_ipv6
gre_other:
   134  if r2 != 0x5865 goto gre_other
   135  goto inner_ethernet
gre_other:
   136  goto ipv4_no_tunnel
vxlan:
   137  r2 = r9
   138  r1 = r6
   139  r3 = r10
   140  r3 += -144
   141  r4 = 8
   142  call skb_load_bytes
   143  if r0 != 0 goto ipv4_no_tunnel
   144  r1 = *(u8 *)(r10 -144)
   145  r1 &= 8
   146  if r1 == 0 goto ipv4_no_tunnel
   147  r9 += 8
   148  goto inner_ethernet
vxlan_gpe:
   149  r2 = r9
   150  r1 = r6
   151  r3 = r10
   152  r3 += -144
   153  r4 = 8
   154  call skb_load_bytes
   155  if r0 != 0 goto ipv4_no_tunnel
   156  r1 = *(u8 *)(r10 -144)
   157  r2 = r1
   158  r2 &= 56
   159  if r2 != 8 goto ipv4_no_tunnel
   160  r9 += 8
   161  r1 &= 4
   162  if r1 == 0 goto inner_ethernet
   163  r1 = *(u8 *)(r10 -141)
   164  if r1 == 1 goto inner_ipv4
   165  if r1 == 2 goto inner_ipv6
   166  if r1 == 3 goto inner_ethernet
   167  goto ipv4_no_tunnel
geneve:
   168  r2 = r9
   169  r1 = r6
   170  r3 = r10
   171  r3 += -144
   172  r4 = 8
   173  call skb_load_bytes
   174  if r0 != 0 goto ipv4_no_tunnel
   175  r1 = *(u8 *)(r10 -144)
   176  if r1 & 192 goto ipv4_no_tunnel
   177  r1 &= 63
   178  r1 <<= 2
   179  r9 += r1
   180  r9 += 8
   181  r3 = *(u32 *)(r6 +0)
   182  if r9 > r3 goto ipv4_no_tunnel
   183  r1 = *(u16 *)(r10 -142)
   184  if r1 == 8 goto inner_ipv4
   185  if r1 == 0xdd86 goto inner_ipv6
   186  if r1 == 0x5865 goto inner_ethernet
ipv4_no_tunnel:
   187  r1 = *(u8 *)(r10 -64)
        ; a fragment has no ports
   188  r2 = *(u16 *)(r10 -58)
   189  if r2 & 0xff3f goto ipv4_only
   190  r2 = *(u8 *)(r10 -55)
   191  if r2 == 6 goto ipv4_tcp
   192  if r2 == 17 goto ipv4_udp
ipv4_only:
   193  r9 = 1
   194  r0 = 0
   195  goto ipv4_hash_addresses
ipv4_tcp:
   196  r9 = 2
   197  goto ipv4_ports
ipv4_udp:
   198  r9 = 3
ipv4_ports:
   199  if r1 != 69 goto ipv4_options
   200  if r7 < 24 goto ipv4_only
   201  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
   202  r2 = r1
   203  r2 &= 15
   204  if r2 < 5 goto ipv4_only
   205  r2 <<= 2
   206  r2 += r8
   207  r2 += 0
   208  r1 = r6
   209  r3 = r10
   210  r3 += -44
   211  r4 = 4
   212  call skb_load_bytes
   213  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
        ; symmetric-or-xor of 2 bytes
   214  r1 = *(u16 *)(r10 -44)
   215  r2 = *(u16 *)(r10 -42)
   216  r3 = r1
   217  r1 |= r2
   218  r2 ^= r3
   219  *(u16 *)(r10 -44) = r1
   220  *(u16 *)(r10 -42) = r2
   221  r0 = 0
        ; hash input bytes 8 to 11
   222  r1 = .rodata +8192 ll
   224  r2 = *(u8 *)(r10 -44)
   225  r2 <<= 2
   226  r2 += r1
   227  r2 = *(u32 *)(r2 +0)
   228  r0 ^= r2
   229  r2 = *(u8 *)(r10 -43)
   230  r2 <<= 2
   231  r2 += r1
   232  r2 = *(u32 *)(r2 +1024)
   233  r0 ^= r2
   234  r2 = *(u8 *)(r10 -42)
   235  r2 <<= 2
   236  r2 += r1
   237  r2 = *(u32 *)(r2 +2048)
   238  r0 ^= r2
   239  r2 = *(u8 *)(r10 -41)
   240  r2 <<= 2
   241  r2 += r1
   242  r2 = *(u32 *)(r2 +3072)
   243  r0 ^= r2
ipv4_hash_addresses:
        ; symmetric-or-xor of 4 bytes
   244  r1 = *(u16 *)(r10 -52)
   245  r2 = *(u16 *)(r10 -48)
   246  r3 = r1
   247  r1 |= r2
   248  r2 ^= r3
   249  *(u16 *)(r10 -52) = r1
   250  *(u16 *)(r10 -48) = r2
   251  r1 = *(u16 *)(r10 -50)
   252  r2 = *(u16 *)(r10 -46)
   253  r3 = r1
   254  r1 |= r2
   255  r2 ^= r3
   256  *(u16 *)(r10 -50) = r1
   257  *(u16 *)(r10 -46) = r2
        ; hash input bytes 0 to 7
   258  r1 = .rodata +0 ll
   260  r2 = *(u8 *)(r10 -52)
   261  r2 <<= 2
   262  r2 += r1
   263  r2 = *(u32 *)(r2 +0)
   264  r0 ^= r2
   265  r2 = *(u8 *)(r10 -51)
   266  r2 <<= 2
   267  r2 += r1
   268  r2 = *(u32 *)(r2 +1024)
   269  r0 ^= r2
   270  r2 = *(u8 *)(r10 -50)
   271  r2 <<= 2
   272  r2 += r1
   273  r2 = *(u32 *)(r2 +2048)
   274  r0 ^= r2
   275  r2 = *(u8 *)(r10 -49)
   276  r2 <<= 2
   277  r2 += r1
   278  r2 = *(u32 *)(r2 +3072)
   279  r0 ^= r2
   280  r2 = *(u8 *)(r10 -48)
   281  r2 <<= 2
   282  r2 += r1
   283  r2 = *(u32 *)(r2 +4096)
   284  r0 ^= r2
   285  r2 = *(u8 *)(r10 -47)
   286  r2 <<= 2
   287  r2 += r1
   288  r2 = *(u32 *)(r2 +5120)
   289  r0 ^= r2
   290  r2 = *(u8 *)(r10 -46)
   291  r2 <<= 2
   292  r2 += r1
   293  r2 = *(u32 *)(r2 +6144)
   294  r0 ^= r2
   295  r2 = *(u8 *)(r10 -45)
   296  r2 <<= 2
   297  r2 += r1
   298  r2 = *(u32 *)(r2 +7168)
   299  r0 ^= r2
   300  goto table
ipv6:
   301  if r7 < 40 goto unclassified
        ; only one tunnel is looked into
   302  r2 = *(u64 *)(r10 -128)
   303  if r2 != 0 goto ipv6_no_tunnel
   304  r9 = r8
   305  r9 += 40
   306  r2 = *(u8 *)(r10 -58)
   307  if r2 == 47 goto ipv6_gre
   308  if r2 == 17 goto ipv6_udp_tunnel
   309  goto ipv6_no_tunnel
ipv6_gre:
   310  r2 = r9
   311  r1 = r6
   312  r3 = r10
   313  r3 += -144
   314  r4 = 4
   315  call skb_load_bytes
   316  if r0 != 0 goto ipv6_no_tunnel
   317  r1 = *(u16 *)(r10 -144)
   318  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   319  r9 += 4
   320  r2 = r1
   321  r2 &= 128
   322  r2 >>= 5
   323  r9 += r2
   324  r2 = r1
   325  r2 &= 32
   326  r2 >>= 3
   327  r9 += r2
   328  r2 = r1
   329  r2 &= 16
   330  r2 >>= 2
   331  r9 += r2
   332  r3 = *(u32 *)(r6 +0)
   333  if r9 > r3 goto ipv6_no_tunnel
   334  r2 = *(u16 *)(r10 -142)
   335  if r2 != 8 goto gre_other
   336  goto inner_ipv4
gre_other:
   337  if r2 != 0xdd86 goto gre_other
   338  goto inner_ipv6
gre_other:
   339  if r2 != 0x5865 goto gre_other
   340  goto inner_ethernet
gre_other:
   341  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   342  if r7 < 44 goto ipv6_no_tunnel
   343  r2 = *(u16 *)(r10 -22)
   344  r9 += 8
   345  if r2 == 0xb512 goto vxlan
   346  if r2 == 0xc117 goto geneve
   347  if r2 == 0xb612 goto vxlan_gpe
   348  if r2 == 0x9212 goto gre_udp
   349  goto ipv6_no_tunnel
gre_udp:
   350  r2 = r9
   351  r1 = r6
   352  r3 = r10
   353  r3 += -144
   354  r4 = 4
   355  call skb_load_bytes
   356  if r0 != 0 goto ipv6_no_tunnel
   357  r1 = *(u16 *)(r10 -144)
   358  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   359  r9 += 4
   360  r2 = r1
   361  r2 &= 128
   362  r2 >>= 5
   363  r9 += r2
   364  r2 = r1
   365  r2 &= 32
   366  r2 >>= 3
   367  r9 += r2
   368  r2 = r1
   369  r2 &= 16
   370  r2 >>= 2
   371  r9 += r2
   372  r3 = *(u32 *)(r6 +0)
   373  if r9 > r3 goto ipv6_no_tunnel
   374  r2 = *(u16 *)(r10 -142)
   375  if r2 != 8 goto gre_other
   376  goto inner_ipv4
gre_other:
   377  if r2 != 0xdd86 goto gre_other
   378  goto inner_ipv6
gre_other:
   379  if r2 != 0x5865 goto gre_other
   380  goto inner_ethernet
gre_other:
   381  goto ipv6_no_tunnel
vxlan:
   382  r2 = r9
   383  r1 = r6
   384  r3 = r10
   385  r3 += -144
   386  r4 = 8
   387  call skb_load_bytes
   388  if r0 != 0 goto ipv6_no_tunnel
   389  r1 = *(u8 *)(r10 -144)
   390  r1 &= 8
   391  if r1 == 0 goto ipv6_no_tunnel
   392  r9 += 8
   393  goto inner_ethernet
vxlan_gpe:
   394  r2 = r9
   395  r1 = r6
   396  r3 = r10
   397  r3 += -144
   398  r4 = 8
   399  call skb_load_bytes
   400  if r0 != 0 goto ipv6_no_tunnel
   401  r1 = *(u8 *)(r10 -144)
   402  r2 = r1
   403  r2 &= 56
   404  if r2 != 8 goto ipv6_no_tunnel
   405  r9 += 8
   406  r1 &= 4
   407  if r1 == 0 goto inner_ethernet
   408  r1 = *(u8 *)(r10 -141)
   409  if r1 == 1 goto inner_ipv4
   410  if r1 == 2 goto inner_ipv6
   411  if r1 == 3 goto inner_ethernet
   412  goto ipv6_no_tunnel
geneve:
   413  r2 = r9
   414  r1 = r6
   415  r3 = r10
   416  r3 += -144
   417  r4 = 8
   418  call skb_load_bytes
   419  if r0 != 0 goto ipv6_no_tunnel
   420  r1 = *(u8 *)(r10 -144)
   421  if r1 & 192 goto ipv6_no_tunnel
   422  r1 &= 63
   423  r1 <<= 2
   424  r9 += r1
   425  r9 += 8
   426  r3 = *(u32 *)(r6 +0)
   427  if r9 > r3 goto ipv6_no_tunnel
   428  r1 = *(u16 *)(r10 -142)
   429  if r1 == 8 goto inner_ipv4
   430  if r1 == 0xdd86 goto inner_ipv6
   431  if r1 == 0x5865 goto inner_ethernet
ipv6_no_tunnel:
   432  r9 = *(u8 *)(r10 -58)
   433  if r9 == 6 goto ipv6_tcp
   434  if r9 == 17 goto ipv6_udp
   435  if r9 == 0 goto walk
   436  if r9 == 43 goto walk
   437  if r9 == 44 goto walk
   438  if r9 == 51 goto walk
   439  if r9 == 60 goto walk
   440  if r9 == 135 goto walk
ipv6_only:
   441  r9 = 4
   442  r0 = 0
   443  goto ipv6_hash_addresses
ipv6_tcp:
   444  r9 = 5
   445  goto ipv6_ports
ipv6_udp:
   446  r9 = 6
ipv6_ports:
   447  if r7 < 44 goto ipv6_only
   448  goto ipv6_hash_ports
walk:
   449  r8 += 40
   450  r7 = 0
   451  *(u64 *)(r10 -80) = 0
   452  *(u64 *)(r10 -96) = 0
walk_header:
   453  if r9 == 44 goto walk_no_ports
   454  if r7 == 11 goto walk_no_ports
   455  r7 += 1
   456  r2 = r8
   457  r1 = r6
   458  r3 = r10
   459  r3 += -68
   460  r4 = 4
   461  call skb_load_bytes
   462  if r0 != 0 goto walk_no_ports
   463  if r9 == 43 goto walk_routing
   464  if r9 == 60 goto walk_destination
walk_advance:
   465  r1 = *(u8 *)(r10 -67)
   466  if r9 == 51 goto walk_authentication
   467  r1 += 1
   468  r1 <<= 3
   469  goto walk_next
walk_authentication:
   470  r1 += 2
   471  r1 <<= 2
walk_next:
   472  r8 += r1
   473  r9 = *(u8 *)(r10 -68)
   474  if r9 == 0 goto walk_header
   475  if r9 == 43 goto walk_header
   476  if r9 == 44 goto walk_header
   477  if r9 == 51 goto walk_header
   478  if r9 == 60 goto walk_header
   479  if r9 == 135 goto walk_header
   480  if r9 != 6 goto other_protocol
   481  r2 = r8
   482  r1 = r6
   483  r3 = r10
   484  r3 += -24
   485  r4 = 4
   486  call skb_load_bytes
   487  if r0 != 0 goto walk_no_ports
   488  r9 = 8
   489  r7 = 1
   490  goto substitute
other_protocol:
   491  if r9 != 17 goto other_protocol
   492  r2 = r8
   493  r1 = r6
   494  r3 = r10
   495  r3 += -24
   496  r4 = 4
   497  call skb_load_bytes
   498  if r0 != 0 goto walk_no_ports
   499  r9 = 9
   500  r7 = 1
   501  goto substitute
other_protocol:
walk_no_ports:
   502  r9 = 7
   503  r7 = 0
substitute:
   504  r2 = *(u64 *)(r10 -80)
   505  if r2 == 0 goto source_kept
   506  r2 = *(u64 *)(r10 -88)
   507  r1 = r6
   508  r3 = r10
   509  r3 += -56
   510  r4 = 16
   511  call skb_load_bytes
source_kept:
   512  r2 = *(u64 *)(r10 -96)
   513  if r2 == 0 goto destination_kept
   514  r2 = *(u64 *)(r10 -104)
   515  r1 = r6
   516  r3 = r10
   517  r3 += -40
   518  r4 = 16
   519  call skb_load_bytes
destination_kept:
   520  if r7 != 0 goto ipv6_hash_ports
   521  r0 = 0
   522  goto ipv6_hash_addresses
walk_routing:
   523  r1 = *(u64 *)(r10 -96)
   524  if r1 != 0 goto walk_advance
        ; length 2, type 2, 1 segment left
   525  r1 = *(u32 *)(r10 -68)
   526  r1 >>= 8
   527  if r1 != 0x10202 goto walk_advance
   528  r1 = r8
   529  r1 += 24
   530  r2 = *(u32 *)(r6 +0)
   531  if r1 > r2 goto walk_advance
   532  r1 -= 16
   533  *(u64 *)(r10 -96) = 1
   534  *(u64 *)(r10 -104) = r1
   535  goto walk_advance
walk_destination:
   536  r1 = *(u64 *)(r10 -80)
   537  if r1 != 0 goto walk_advance
   538  *(u64 *)(r10 -112) = r8
   539  r1 = *(u8 *)(r10 -67)
   540  r1 += 1
   541  r1 <<= 3
   542  r1 += r8
   543  *(u64 *)(r10 -120) = r1
   544  r8 += 2
   545  r9 = 30
option:
   546  if r9 == 0 goto options_end
   547  r9 -= 1
   548  r1 = *(u64 *)(r10 -120)
   549  if r8 >= r1 goto options_end
   550  r2 = r8
   551  r1 = r6
   552  r3 = r10
   553  r3 += -72
   554  r4 = 2
   555  call skb_load_bytes
   556  if r0 != 0 goto options_end
   557  r1 = *(u8 *)(r10 -72)
   558  if r1 == 0 goto option_pad
   559  r2 = *(u8 *)(r10 -71)
   560  if r1 != 201 goto option_skip
   561  if r2 != 16 goto option_skip
   562  r1 = r8
   563  r1 += 18
   564  r2 = *(u64 *)(r10 -120)
   565  if r1 > r2 goto options_end
   566  r2 = *(u32 *)(r6 +0)
   567  if r1 > r2 goto options_end
   568  r8 += 2
   569  *(u64 *)(r10 -80) = 1
   570  *(u64 *)(r10 -88) = r8
   571  goto options_end
option_skip:
   572  r8 += r2
   573  r8 += 1
option_pad:
   574  r8 += 1
   575  goto option
options_end:
   576  r8 = *(u64 *)(r10 -112)
   577  r9 = 60
   578  goto walk_advance
ipv6_hash_ports:
        ; symmetric-or-xor of 2 bytes
   579  r1 = *(u16 *)(r10 -24)
   580  r2 = *(u16 *)(r10 -22)
   581  r3 = r1
   582  r1 |= r2
   583  r2 ^= r3
   584  *(u16 *)(r10 -24) = r1
   585  *(u16 *)(r10 -22) = r2
   586  r0 = 0
        ; hash input bytes 32 to 35
   587  r1 = .rodata +32768 ll
   589  r2 = *(u8 *)(r10 -24)
   590  r2 <<= 2
   591  r2 += r1
   592  r2 = *(u32 *)(r2 +0)
   593  r0 ^= r2
   594  r2 = *(u8 *)(r10 -23)
   595  r2 <<= 2
   596  r2 += r1
   597  r2 = *(u32 *)(r2 +1024)
   598  r0 ^= r2
   599  r2 = *(u8 *)(r10 -22)
   600  r2 <<= 2
   601  r2 += r1
   602  r2 = *(u32 *)(r2 +2048)
   603  r0 ^= r2
   604  r2 = *(u8 *)(r10 -21)
   605  r2 <<= 2
   606  r2 += r1
   607  r2 = *(u32 *)(r2 +3072)
   608  r0 ^= r2
ipv6_hash_addresses:
        ; symmetric-or-xor of 16 bytes
   609  r1 = *(u16 *)(r10 -56)
   610  r2 = *(u16 *)(r10 -40)
   611  r3 = r1
   612  r1 |= r2
   613  r2 ^= r3
   614  *(u16 *)(r10 -56) = r1
   615  *(u16 *)(r10 -40) = r2
   616  r1 = *(u16 *)(r10 -54)
   617  r2 = *(u16 *)(r10 -38)
   618  r3 = r1
   619  r1 |= r2
   620  r2 ^= r3
   621  *(u16 *)(r10 -54) = r1
   622  *(u16 *)(r10 -38) = r2
   623  r1 = *(u16 *)(r10 -52)
   624  r2 = *(u16 *)(r10 -36)
   625  r3 = r1
   626  r1 |= r2
   627  r2 ^= r3
   628  *(u16 *)(r10 -52) = r1
   629  *(u16 *)(r10 -36) = r2
   630  r1 = *(u16 *)(r10 -50)
   631  r2 = *(u16 *)(r10 -34)
   632  r3 = r1
   633  r1 |= r2
   634  r2 ^= r3
   635  *(u16 *)(r10 -50) = r1
   636  *(u16 *)(r10 -34) = r2
   637  r1 = *(u16 *)(r10 -48)
   638  r2 = *(u16 *)(r10 -32)
   639  r3 = r1
   640  r1 |= r2
   641  r2 ^= r3
   642  *(u16 *)(r10 -48) = r1
   643  *(u16 *)(r10 -32) = r2
   644  r1 = *(u16 *)(r10 -46)
   645  r2 = *(u16 *)(r10 -30)
   646  r3 = r1
   647  r1 |= r2
   648  r2 ^= r3
   649  *(u16 *)(r10 -46) = r1
   650  *(u16 *)(r10 -30) = r2
   651  r1 = *(u16 *)(r10 -44)
   652  r2 = *(u16 *)(r10 -28)
   653  r3 = r1
   654  r1 |= r2
   655  r2 ^= r3
   656  *(u16 *)(r10 -44) = r1
   657  *(u16 *)(r10 -28) = r2
   658  r1 = *(u16 *)(r10 -42)
   659  r2 = *(u16 *)(r10 -26)
   660  r3 = r1
   661  r1 |= r2
   662  r2 ^= r3
   663  *(u16 *)(r10 -42) = r1
   664  *(u16 *)(r10 -26) = r2
        ; hash input bytes 0 to 31
   665  r1 = .rodata +0 ll
   667  r2 = *(u8 *)(r10 -56)
   668  r2 <<= 2
   669  r2 += r1
   670  r2 = *(u32 *)(r2 +0)
   671  r0 ^= r2
   672  r2 = *(u8 *)(r10 -55)
   673  r2 <<= 2
   674  r2 += r1
   675  r2 = *(u32 *)(r2 +1024)
   676  r0 ^= r2
   677  r2 = *(u8 *)(r10 -54)
   678  r2 <<= 2
   679  r2 += r1
   680  r2 = *(u32 *)(r2 +2048)
   681  r0 ^= r2
   682  r2 = *(u8 *)(r10 -53)
   683  r2 <<= 2
   684  r2 += r1
   685  r2 = *(u32 *)(r2 +3072)
   686  r0 ^= r2
   687  r2 = *(u8 *)(r10 -52)
   688  r2 <<= 2
   689  r2 += r1
   690  r2 = *(u32 *)(r2 +4096)
   691  r0 ^= r2
   692  r2 = *(u8 *)(r10 -51)
   693  r2 <<= 2
   694  r2 += r1
   695  r2 = *(u32 *)(r2 +5120)
   696  r0 ^= r2
   697  r2 = *(u8 *)(r10 -50)
   698  r2 <<= 2
   699  r2 += r1
   700  r2 = *(u32 *)(r2 +6144)
   701  r0 ^= r2
   702  r2 = *(u8 *)(r10 -49)
   703  r2 <<= 2
   704  r2 += r1
   705  r2 = *(u32 *)(r2 +7168)
   706  r0 ^= r2
   707  r2 = *(u8 *)(r10 -48)
   708  r2 <<= 2
   709  r2 += r1
   710  r2 = *(u32 *)(r2 +8192)
   711  r0 ^= r2
   712  r2 = *(u8 *)(r10 -47)
   713  r2 <<= 2
   714  r2 += r1
   715  r2 = *(u32 *)(r2 +9216)
   716  r0 ^= r2
   717  r2 = *(u8 *)(r10 -46)
   718  r2 <<= 2
   719  r2 += r1
   720  r2 = *(u32 *)(r2 +10240)
   721  r0 ^= r2
   722  r2 = *(u8 *)(r10 -45)
   723  r2 <<= 2
   724  r2 += r1
   725  r2 = *(u32 *)(r2 +11264)
   726  r0 ^= r2
   727  r2 = *(u8 *)(r10 -44)
   728  r2 <<= 2
   729  r2 += r1
   730  r2 = *(u32 *)(r2 +12288)
   731  r0 ^= r2
   732  r2 = *(u8 *)(r10 -43)
   733  r2 <<= 2
   734  r2 += r1
   735  r2 = *(u32 *)(r2 +13312)
   736  r0 ^= r2
   737  r2 = *(u8 *)(r10 -42)
   738  r2 <<= 2
   739  r2 += r1
   740  r2 = *(u32 *)(r2 +14336)
   741  r0 ^= r2
   742  r2 = *(u8 *)(r10 -41)
   743  r2 <<= 2
   744  r2 += r1
   745  r2 = *(u32 *)(r2 +15360)
   746  r0 ^= r2
   747  r2 = *(u8 *)(r10 -40)
   748  r2 <<= 2
   749  r2 += r1
   750  r2 = *(u32 *)(r2 +16384)
   751  r0 ^= r2
   752  r2 = *(u8 *)(r10 -39)
   753  r2 <<= 2
   754  r2 += r1
   755  r2 = *(u32 *)(r2 +17408)
   756  r0 ^= r2
   757  r2 = *(u8 *)(r10 -38)
   758  r2 <<= 2
   759  r2 += r1
   760  r2 = *(u32 *)(r2 +18432)
   761  r0 ^= r2
   762  r2 = *(u8 *)(r10 -37)
   763  r2 <<= 2
   764  r2 += r1
   765  r2 = *(u32 *)(r2 +19456)
   766  r0 ^= r2
   767  r2 = *(u8 *)(r10 -36)
   768  r2 <<= 2
   769  r2 += r1
   770  r2 = *(u32 *)(r2 +20480)
   771  r0 ^= r2
   772  r2 = *(u8 *)(r10 -35)
   773  r2 <<= 2
   774  r2 += r1
   775  r2 = *(u32 *)(r2 +21504)
   776  r0 ^= r2
   777  r2 = *(u8 *)(r10 -34)
   778  r2 <<= 2
   779  r2 += r1
   780  r2 = *(u32 *)(r2 +22528)
   781  r0 ^= r2
   782  r2 = *(u8 *)(r10 -33)
   783  r2 <<= 2
   784  r2 += r1
   785  r2 = *(u32 *)(r2 +23552)
   786  r0 ^= r2
   787  r2 = *(u8 *)(r10 -32)
   788  r2 <<= 2
   789  r2 += r1
   790  r2 = *(u32 *)(r2 +24576)
   791  r0 ^= r2
   792  r2 = *(u8 *)(r10 -31)
   793  r2 <<= 2
   794  r2 += r1
   795  r2 = *(u32 *)(r2 +25600)
   796  r0 ^= r2
   797  r2 = *(u8 *)(r10 -30)
   798  r2 <<= 2
   799  r2 += r1
   800  r2 = *(u32 *)(r2 +26624)
   801  r0 ^= r2
   802  r2 = *(u8 *)(r10 -29)
   803  r2 <<= 2
   804  r2 += r1
   805  r2 = *(u32 *)(r2 +27648)
   806  r0 ^= r2
   807  r2 = *(u8 *)(r10 -28)
   808  r2 <<= 2
   809  r2 += r1
   810  r2 = *(u32 *)(r2 +28672)
   811  r0 ^= r2
   812  r2 = *(u8 *)(r10 -27)
   813  r2 <<= 2
   814  r2 += r1
   815  r2 = *(u32 *)(r2 +29696)
   816  r0 ^= r2
   817  r2 = *(u8 *)(r10 -26)
   818  r2 <<= 2
   819  r2 += r1
   820  r2 = *(u32 *)(r2 +30720)
   821  r0 ^= r2
   822  r2 = *(u8 *)(r10 -25)
   823  r2 <<= 2
   824  r2 += r1
   825  r2 = *(u32 *)(r2 +31744)
   826  r0 ^= r2
   827  goto table
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   828  r9 += 12
   829  r2 = r9
   830  r1 = r6
   831  r3 = r10
   832  r3 += -144
   833  r4 = 10
   834  call skb_load_bytes
   835  if r0 != 0 goto unclassified
   836  r9 += 2
   837  r1 = *(u16 *)(r10 -144)
   838  if r1 == 8 goto inner_ipv4
   839  if r1 == 0xdd86 goto inner_ipv6
   840  if r1 == 129 goto inner_vlan_tag
   841  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   842  r9 += 4
   843  r1 = *(u16 *)(r10 -140)
   844  if r1 == 8 goto inner_ipv4
   845  if r1 == 0xdd86 goto inner_ipv6
   846  if r1 == 129 goto inner_vlan_tag
   847  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   848  r9 += 4
   849  r1 = *(u16 *)(r10 -136)
   850  if r1 == 8 goto inner_ipv4
   851  if r1 == 0xdd86 goto inner_ipv6
   852  goto unclassified
inner_ipv4:
   853  r1 = 4
   854  *(u64 *)(r10 -128) = r1
   855  goto inner_window
inner_ipv6:
   856  r1 = 6
   857  *(u64 *)(r10 -128) = r1
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   858  r8 = r9
   859  r8 -= 0
   860  r7 = *(u32 *)(r6 +0)
   861  r7 -= r8
   862  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   863  r1 = r0
   864  r1 &= 127
   865  r1 <<= 1
   866  r2 = .data +80 ll
   868  r2 += r1
   869  r7 = *(u16 *)(r2 +0)
   870  r8 = r0
   871  goto emit
unclassified:
   872  r7 = 0
   873  r8 = 0
   874  r9 = 0
emit:
   875  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK
   876  r1 = 0x7255
   877  *(u32 *)(r6 +72) = r1
   878  r1 = r6
   879  r2 = 8
   880  r3 = 0
   881  call skb_change_head
   882  if r0 != 0 goto drop
   883  r1 = *(u32 *)(r6 +76)
   884  r2 = *(u32 *)(r6 +80)
   885  r3 = r1
   886  r3 += 8
   887  if r3 > r2 goto drop
   888  *(u32 *)(r1 +0) = r8
   889  *(u16 *)(r1 +4) = r9
   890  *(u16 *)(r1 +6) = -1
   891  r0 = 0
   892  exit
drop:
   893  r0 = 2
   894  exit

; tunrss_queue (SOCKET_FILTER), 6 instructions
     0  r2 = *(u32 *)(r1 +44)
     1  if r2 != 0x7255 goto queue_not_noted
     2  r0 = *(u32 *)(r1 +12)
     3  exit
queue_not_noted:
     4  r0 = *(u32 *)(r1 +68)
     5  exit

; tunrss_filter (SOCKET_FILTER), 13 instructions
     0  r2 = *(u32 *)(r1 +44)
        ; either token
     1  r2 &= -2
     2  if r2 == 0x7254 goto keep
     3  r6 = r1
        ; no prefix: keep it until the time from which frames have one
     4  call ktime_get_ns
     5  r1 = .data +24 ll
     7  r1 = *(u64 *)(r1 +0)
     8  if r1 > r0 goto keep
     9  r0 = 0
    10  exit
keep:
        ; all bytes
    11  r0 = -1
    12  exit
