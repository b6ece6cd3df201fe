; at most 985 instructions
; .rodata 36864 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_report (SCHED_CLS), 959 instructions
     0  r6 = r1
        ; hash types: ipv4,tcpv4,udpv4,ipv6,tcpv6,udpv6,ipv6-ex,tcpv6-ex,udpv6-ex
        ; tunnel types: gre,gre-2890,gre-7676,gre-udp,vxlan,vxlan-gpe,geneve,ipip,nvgre
        ; hash input: symmetric-or-xor
     1  r7 = *(u32 *)(r6 +0)
     2  r8 = 0
     3  *(u64 *)(r10 -136) = 0
window:
     4  if r7 >= 44 goto load_full
        ; too short for any IP header
     5  if r7 < 20 goto unclassified
        ; a short packet: what there is
     6  *(u64 *)(r10 -72) = 0
     7  *(u64 *)(r10 -64) = 0
     8  *(u64 *)(r10 -56) = 0
     9  *(u64 *)(r10 -48) = 0
    10  *(u64 *)(r10 -40) = 0
    11  *(u64 *)(r10 -32) = 0
    12  r2 = r8
    13  r1 = r6
    14  r3 = r10
    15  r3 += -72
    16  r4 = r7
    17  call skb_load_bytes
    18  goto loaded
load_full:
        ; link header, VLAN tags, IP header and ports, as far as they are needed
    19  r2 = r8
    20  r1 = r6
    21  r3 = r10
    22  r3 += -72
    23  r4 = 44
    24  call skb_load_bytes
loaded:
        ; IP version
    25  r1 = *(u8 *)(r10 -72)
    26  r1 >>= 4
    27  r2 = *(u64 *)(r10 -136)
    28  if r2 == 0 goto dispatch
    29  if r1 != r2 goto unclassified
dispatch:
    30  if r1 == 4 goto ipv4
    31  if r1 == 6 goto ipv6
    32  goto unclassified
ipv4:
    33  r1 = *(u8 *)(r10 -72)
        ; only one tunnel is looked into
    34  r2 = *(u64 *)(r10 -136)
    35  if r2 != 0 goto ipv4_no_tunnel
    36  r9 = r8
    37  r2 = *(u16 *)(r10 -66)
    38  if r2 & 0xff3f goto ipv4_no_tunnel
    39  r1 = *(u8 *)(r10 -72)
    40  r2 = r1
    41  r2 &= 15
    42  if r2 < 5 goto ipv4_no_tunnel
    43  r2 <<= 2
    44  r9 += r2
    45  r9 += 0
    46  r2 = *(u8 *)(r10 -63)
    47  if r2 == 47 goto ipv4_gre
    48  if r2 == 17 goto ipv4_udp_tunnel
    49  if r2 != 4 goto ipv4_no_tunnel
    50  r3 = *(u32 *)(r6 +0)
    51  if r9 > r3 goto ipv4_no_tunnel
    52  goto inner_ipv4
ipv4_gre:
    53  r2 = r9
    54  r1 = r6
    55  r3 = r10
    56  r3 += -152
    57  r4 = 4
    58  call skb_load_bytes
    59  if r0 != 0 goto ipv4_no_tunnel
    60  r1 = *(u16 *)(r10 -152)
    61  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
    62  r9 += 4
    63  r2 = r1
    64  r2 &= 128
    65  r2 >>= 5
    66  r9 += r2
    67  r2 = r1
    68  r2 &= 32
    69  r2 >>= 3
    70  r9 += r2
    71  r2 = r1
    72  r2 &= 16
    73  r2 >>= 2
    74  r9 += r2
    75  r3 = *(u32 *)(r6 +0)
    76  if r9 > r3 goto ipv4_no_tunnel
    77  r2 = *(u16 *)(r10 -150)
    78  if r2 != 8 goto gre_other
    79  goto inner_ipv4
gre_other:
    80  if r2 != 0xdd86 goto gre_other
    81  goto inner_ipv6
gre_other:
    82  if r2 != 0x5865 goto gre_other
    83  goto inner_ethernet
gre_other:
    84  goto ipv4_no_tunnel
ipv4_udp_tunnel:
    85  r1 &= 15
    86  if r1 != 5 goto udp_options
    87  if r7 < 24 goto ipv4_no_tunnel
udp_port:
    88  r2 = *(u16 *)(r10 -50)
    89  r9 += 8
    90  if r2 == 0xb512 goto vxlan
    91  if r2 == 0xc117 goto geneve
    92  if r2 == 0xb612 goto vxlan_gpe
    93  if r2 == 0x9212 goto gre_udp
    94  goto ipv4_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
    95  r2 = r9
    96  r1 = r6
    97  r3 = r10
    98  r3 += -52
    99  r4 = 4
   100  call skb_load_bytes
   101  if r0 != 0 goto ipv4_no_tunnel
   102  goto udp_port
gre_udp:
   103  r2 = r9
   104  r1 = r6
   105  r3 = r10
   106  r3 += -152
   107  r4 = 4
   108  call skb_load_bytes
   109  if r0 != 0 goto ipv4_no_tunnel
   110  r1 = *(u16 *)(r10 -152)
   111  if r1 & 0x74c goto ipv4_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   112  r9 += 4
   113  r2 = r1
   114  r2 &= 128
   115  r2 >>= 5
   116  r9 += r2
   117  r2 = r1
   118  r2 &= 32
   119  r2 >>= 3
   120  r9 += r2
   121  r2 = r1
   122  r2 &= 16
   123  r2 >>= 2
   124  r9 += r2
   125  r3 = *(u32 *)(r6 +0)
   126  if r9 > r3 goto ipv4_no_tunnel
   127  r2 = *(u16 *)(r10 -150)
   128  if r2 != 8 goto gre_other
   129  goto inner_ipv4
gre_other:
   130  if r2 != 0xdd86 goto gre_other
   131  goto inner_ipv6
gre_other:
   132  if r2 != 0x5865 goto gre_other
   133  goto inner_ethernet
gre_other:
   134  goto ipv4_no_tunnel
vxlan:
   135  r2 = r9
   136  r1 = r6
   137  r3 = r10
   138  r3 += -152
   139  r4 = 8
   140  call skb_load_bytes
   141  if r0 != 0 goto ipv4_no_tunnel
   142  r1 = *(u8 *)(r10 -152)
   143  r1 &= 8
   144  if r1 == 0 goto ipv4_no_tunnel
   145  r9 += 8
   146  goto inner_ethernet
vxlan_gpe:
   147  r2 = r9
   148  r1 = r6
   149  r3 = r10
   150  r3 += -152
   151  r4 = 8
   152  call skb_load_bytes
   153  if r0 != 0 goto ipv4_no_tunnel
   154  r1 = *(u8 *)(r10 -152)
   155  r2 = r1
   156  r2 &= 56
   157  if r2 != 8 goto ipv4_no_tunnel
   158  r9 += 8
   159  r1 &= 4
   160  if r1 == 0 goto inner_ethernet
   161  r1 = *(u8 *)(r10 -149)
   162  if r1 == 1 goto inner_ipv4
   163  if r1 == 2 goto inner_ipv6
   164  if r1 == 3 goto inner_ethernet
   165  goto ipv4_no_tunnel
geneve:
   166  r2 = r9
   167  r1 = r6
   168  r3 = r10
   169  r3 += -152
   170  r4 = 8
   171  call skb_load_bytes
   172  if r0 != 0 goto ipv4_no_tunnel
   173  r1 = *(u8 *)(r10 -152)
   174  if r1 & 192 goto ipv4_no_tunnel
   175  r1 &= 63
   176  r1 <<= 2
   177  r9 += r1
   178  r9 += 8
   179  r3 = *(u32 *)(r6 +0)
   180  if r9 > r3 goto ipv4_no_tunnel
   181  r1 = *(u16 *)(r10 -150)
   182  if r1 == 8 goto inner_ipv4
   183  if r1 == 0xdd86 goto inner_ipv6
   184  if r1 == 0x5865 goto inner_ethernet
ipv4_no_tunnel:
   185  r1 = *(u8 *)(r10 -72)
        ; a fragment has no ports
   186  r2 = *(u16 *)(r10 -66)
   187  if r2 & 0xff3f goto ipv4_only
   188  r2 = *(u8 *)(r10 -63)
   189  if r2 == 6 goto ipv4_tcp
   190  if r2 == 17 goto ipv4_udp
ipv4_only:
   191  r9 = 1
   192  r0 = 0
   193  goto ipv4_hash_addresses
ipv4_tcp:
   194  r9 = 2
   195  goto ipv4_ports
ipv4_udp:
   196  r9 = 3
ipv4_ports:
   197  if r1 != 69 goto ipv4_options
   198  if r7 < 24 goto ipv4_only
   199  goto ipv4_hash_ports
ipv4_options:
        ; ports behind options: put them where they are without
   200  r2 = r1
   201  r2 &= 15
   202  if r2 < 5 goto ipv4_only
   203  r2 <<= 2
   204  r2 += r8
   205  r2 += 0
   206  r1 = r6
   207  r3 = r10
   208  r3 += -52
   209  r4 = 4
   210  call skb_load_bytes
   211  if r0 != 0 goto ipv4_only
ipv4_hash_ports:
        ; symmetric-or-xor of 2 bytes
   212  r1 = *(u16 *)(r10 -52)
   213  r2 = *(u16 *)(r10 -50)
   214  r3 = r1
   215  r1 |= r2
   216  r2 ^= r3
   217  *(u16 *)(r10 -52) = r1
   218  *(u16 *)(r10 -50) = r2
   219  r0 = 0
        ; hash input bytes 8 to 11
   220  r1 = .rodata +8192 ll
   222  r2 = *(u8 *)(r10 -52)
   223  r2 <<= 2
   224  r2 += r1
   225  r2 = *(u32 *)(r2 +0)
   226  r0 ^= r2
   227  r2 = *(u8 *)(r10 -51)
   228  r2 <<= 2
   229  r2 += r1
   230  r2 = *(u32 *)(r2 +1024)
   231  r0 ^= r2
   232  r2 = *(u8 *)(r10 -50)
   233  r2 <<= 2
   234  r2 += r1
   235  r2 = *(u32 *)(r2 +2048)
   236  r0 ^= r2
   237  r2 = *(u8 *)(r10 -49)
   238  r2 <<= 2
   239  r2 += r1
   240  r2 = *(u32 *)(r2 +3072)
   241  r0 ^= r2
ipv4_hash_addresses:
        ; symmetric-or-xor of 4 bytes
   242  r1 = *(u16 *)(r10 -60)
   243  r2 = *(u16 *)(r10 -56)
   244  r3 = r1
   245  r1 |= r2
   246  r2 ^= r3
   247  *(u16 *)(r10 -60) = r1
   248  *(u16 *)(r10 -56) = r2
   249  r1 = *(u16 *)(r10 -58)
   250  r2 = *(u16 *)(r10 -54)
   251  r3 = r1
   252  r1 |= r2
   253  r2 ^= r3
   254  *(u16 *)(r10 -58) = r1
   255  *(u16 *)(r10 -54) = r2
        ; hash input bytes 0 to 7
   256  r1 = .rodata +0 ll
   258  r2 = *(u8 *)(r10 -60)
   259  r2 <<= 2
   260  r2 += r1
   261  r2 = *(u32 *)(r2 +0)
   262  r0 ^= r2
   263  r2 = *(u8 *)(r10 -59)
   264  r2 <<= 2
   265  r2 += r1
   266  r2 = *(u32 *)(r2 +1024)
   267  r0 ^= r2
   268  r2 = *(u8 *)(r10 -58)
   269  r2 <<= 2
   270  r2 += r1
   271  r2 = *(u32 *)(r2 +2048)
   272  r0 ^= r2
   273  r2 = *(u8 *)(r10 -57)
   274  r2 <<= 2
   275  r2 += r1
   276  r2 = *(u32 *)(r2 +3072)
   277  r0 ^= r2
   278  r2 = *(u8 *)(r10 -56)
   279  r2 <<= 2
   280  r2 += r1
   281  r2 = *(u32 *)(r2 +4096)
   282  r0 ^= r2
   283  r2 = *(u8 *)(r10 -55)
   284  r2 <<= 2
   285  r2 += r1
   286  r2 = *(u32 *)(r2 +5120)
   287  r0 ^= r2
   288  r2 = *(u8 *)(r10 -54)
   289  r2 <<= 2
   290  r2 += r1
   291  r2 = *(u32 *)(r2 +6144)
   292  r0 ^= r2
   293  r2 = *(u8 *)(r10 -53)
   294  r2 <<= 2
   295  r2 += r1
   296  r2 = *(u32 *)(r2 +7168)
   297  r0 ^= r2
   298  goto table
ipv6:
   299  if r7 < 40 goto unclassified
        ; only one tunnel is looked into
   300  r2 = *(u64 *)(r10 -136)
   301  if r2 != 0 goto ipv6_no_tunnel
   302  r9 = r8
   303  r9 += 40
   304  r2 = *(u8 *)(r10 -66)
   305  if r2 != 60 goto ipv6_upper
        ; destination options: is there a tunnel encapsulation limit?
   306  r2 = r9
   307  r1 = r6
   308  r3 = r10
   309  r3 += -152
   310  r4 = 2
   311  call skb_load_bytes
   312  if r0 != 0 goto ipv6_no_tunnel
   313  r2 = *(u8 *)(r10 -151)
   314  r2 += 1
   315  r2 <<= 3
   316  r2 += r8
   317  r2 += 40
   318  r3 = *(u32 *)(r6 +0)
   319  if r2 > r3 goto ipv6_no_tunnel
   320  *(u64 *)(r10 -112) = r2
   321  *(u64 *)(r10 -160) = r7
   322  r9 += 2
   323  r7 = 30
option:
   324  r1 = *(u64 *)(r10 -112)
   325  if r9 >= r1 goto no_encapsulation_limit
        ; zeros, a Pad1, if the packet ends behind the first byte
   326  r2 = r9
   327  r1 = r6
   328  r3 = r10
   329  r3 += -80
   330  r4 = 2
   331  call skb_load_bytes
   332  r1 = *(u16 *)(r10 -80)
   333  if r1 == 0x104 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   334  r2 = *(u8 *)(r10 -80)
   335  r3 = 0
   336  r3 -= r2
   337  r3 >>= 63
   338  r1 >>= 8
   339  r1 += 1
   340  r1 *= r3
   341  r9 += r1
   342  r9 += 1
   343  r7 -= 1
   344  if r7 != 0 goto option
   345  goto no_encapsulation_limit
option_found:
   346  r9 += 3
   347  r1 = *(u64 *)(r10 -112)
   348  if r9 > r1 goto no_encapsulation_limit
   349  r7 = *(u64 *)(r10 -160)
   350  r9 = *(u8 *)(r10 -151)
   351  r9 += 1
   352  r9 <<= 3
   353  r9 += r8
   354  r9 += 40
   355  r2 = *(u8 *)(r10 -152)
   356  goto ipv6_upper
no_encapsulation_limit:
   357  r7 = *(u64 *)(r10 -160)
   358  goto ipv6_no_tunnel
ipv6_upper:
   359  if r2 == 47 goto ipv6_gre
   360  if r2 == 17 goto ipv6_udp_tunnel
   361  goto ipv6_no_tunnel
ipv6_gre:
   362  r2 = r9
   363  r1 = r6
   364  r3 = r10
   365  r3 += -152
   366  r4 = 4
   367  call skb_load_bytes
   368  if r0 != 0 goto ipv6_no_tunnel
   369  r1 = *(u16 *)(r10 -152)
   370  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   371  r9 += 4
   372  r2 = r1
   373  r2 &= 128
   374  r2 >>= 5
   375  r9 += r2
   376  r2 = r1
   377  r2 &= 32
   378  r2 >>= 3
   379  r9 += r2
   380  r2 = r1
   381  r2 &= 16
   382  r2 >>= 2
   383  r9 += r2
   384  r3 = *(u32 *)(r6 +0)
   385  if r9 > r3 goto ipv6_no_tunnel
   386  r2 = *(u16 *)(r10 -150)
   387  if r2 != 8 goto gre_other
   388  goto inner_ipv4
gre_other:
   389  if r2 != 0xdd86 goto gre_other
   390  goto inner_ipv6
gre_other:
   391  if r2 != 0x5865 goto gre_other
   392  goto inner_ethernet
gre_other:
   393  goto ipv6_no_tunnel
ipv6_udp_tunnel:
   394  r1 = *(u8 *)(r10 -66)
   395  if r1 != 17 goto udp_options
   396  if r7 < 44 goto ipv6_no_tunnel
udp_port:
   397  r2 = *(u16 *)(r10 -30)
   398  r9 += 8
   399  if r2 == 0xb512 goto vxlan
   400  if r2 == 0xc117 goto geneve
   401  if r2 == 0xb612 goto vxlan_gpe
   402  if r2 == 0x9212 goto gre_udp
   403  goto ipv6_no_tunnel
udp_options:
        ; ports behind options: put them where they are without
   404  r2 = r9
   405  r1 = r6
   406  r3 = r10
   407  r3 += -32
   408  r4 = 4
   409  call skb_load_bytes
   410  if r0 != 0 goto ipv6_no_tunnel
   411  goto udp_port
gre_udp:
   412  r2 = r9
   413  r1 = r6
   414  r3 = r10
   415  r3 += -152
   416  r4 = 4
   417  call skb_load_bytes
   418  if r0 != 0 goto ipv6_no_tunnel
   419  r1 = *(u16 *)(r10 -152)
   420  if r1 & 0x74c goto ipv6_no_tunnel
        ; 4 bytes each for checksum, key and sequence number
   421  r9 += 4
   422  r2 = r1
   423  r2 &= 128
   424  r2 >>= 5
   425  r9 += r2
   426  r2 = r1
   427  r2 &= 32
   428  r2 >>= 3
   429  r9 += r2
   430  r2 = r1
   431  r2 &= 16
   432  r2 >>= 2
   433  r9 += r2
   434  r3 = *(u32 *)(r6 +0)
   435  if r9 > r3 goto ipv6_no_tunnel
   436  r2 = *(u16 *)(r10 -150)
   437  if r2 != 8 goto gre_other
   438  goto inner_ipv4
gre_other:
   439  if r2 != 0xdd86 goto gre_other
   440  goto inner_ipv6
gre_other:
   441  if r2 != 0x5865 goto gre_other
   442  goto inner_ethernet
gre_other:
   443  goto ipv6_no_tunnel
vxlan:
   444  r2 = r9
   445  r1 = r6
   446  r3 = r10
   447  r3 += -152
   448  r4 = 8
   449  call skb_load_bytes
   450  if r0 != 0 goto ipv6_no_tunnel
   451  r1 = *(u8 *)(r10 -152)
   452  r1 &= 8
   453  if r1 == 0 goto ipv6_no_tunnel
   454  r9 += 8
   455  goto inner_ethernet
vxlan_gpe:
   456  r2 = r9
   457  r1 = r6
   458  r3 = r10
   459  r3 += -152
   460  r4 = 8
   461  call skb_load_bytes
   462  if r0 != 0 goto ipv6_no_tunnel
   463  r1 = *(u8 *)(r10 -152)
   464  r2 = r1
   465  r2 &= 56
   466  if r2 != 8 goto ipv6_no_tunnel
   467  r9 += 8
   468  r1 &= 4
   469  if r1 == 0 goto inner_ethernet
   470  r1 = *(u8 *)(r10 -149)
   471  if r1 == 1 goto inner_ipv4
   472  if r1 == 2 goto inner_ipv6
   473  if r1 == 3 goto inner_ethernet
   474  goto ipv6_no_tunnel
geneve:
   475  r2 = r9
   476  r1 = r6
   477  r3 = r10
   478  r3 += -152
   479  r4 = 8
   480  call skb_load_bytes
   481  if r0 != 0 goto ipv6_no_tunnel
   482  r1 = *(u8 *)(r10 -152)
   483  if r1 & 192 goto ipv6_no_tunnel
   484  r1 &= 63
   485  r1 <<= 2
   486  r9 += r1
   487  r9 += 8
   488  r3 = *(u32 *)(r6 +0)
   489  if r9 > r3 goto ipv6_no_tunnel
   490  r1 = *(u16 *)(r10 -150)
   491  if r1 == 8 goto inner_ipv4
   492  if r1 == 0xdd86 goto inner_ipv6
   493  if r1 == 0x5865 goto inner_ethernet
ipv6_no_tunnel:
   494  r1 = *(u8 *)(r10 -66)
   495  if r1 == 6 goto ipv6_tcp
   496  if r1 == 17 goto ipv6_udp
   497  if r1 == 0 goto walk
   498  if r1 == 43 goto walk
   499  if r1 == 44 goto walk
   500  if r1 == 51 goto walk
   501  if r1 == 60 goto walk
   502  if r1 == 135 goto walk
ipv6_only:
   503  r9 = 4
   504  r0 = 0
   505  goto ipv6_hash_addresses
ipv6_tcp:
   506  r9 = 5
   507  goto ipv6_ports
ipv6_udp:
   508  r9 = 6
ipv6_ports:
   509  if r7 < 44 goto ipv6_only
   510  goto ipv6_hash_ports
walk:
   511  r8 += 40
   512  r9 = *(u8 *)(r10 -66)
   513  r7 = 0
        ; no address yet
   514  r1 = *(u32 *)(r6 +0)
   515  *(u64 *)(r10 -88) = r1
   516  *(u64 *)(r10 -96) = r1
walk_header:
   517  if r9 == 44 goto walk_no_ports
   518  if r7 == 11 goto walk_no_ports
   519  r7 += 1
   520  r2 = r8
   521  r1 = r6
   522  r3 = r10
   523  r3 += -76
   524  r4 = 4
   525  call skb_load_bytes
   526  if r0 != 0 goto walk_no_ports
   527  if r9 == 43 goto walk_routing
   528  if r9 == 60 goto walk_destination
walk_advance:
   529  r1 = *(u8 *)(r10 -75)
   530  if r9 == 51 goto walk_authentication
   531  r1 += 1
   532  r1 <<= 3
   533  goto walk_next
walk_authentication:
   534  r1 += 2
   535  r1 <<= 2
walk_next:
   536  r8 += r1
   537  r9 = *(u8 *)(r10 -76)
   538  r1 = *(u8 *)(r10 -76)
   539  if r1 == 0 goto walk_header
   540  if r1 == 43 goto walk_header
   541  if r1 == 44 goto walk_header
   542  if r1 == 51 goto walk_header
   543  if r1 == 60 goto walk_header
   544  if r1 == 135 goto walk_header
   545  if r9 != 6 goto other_protocol
   546  r2 = r8
   547  r1 = r6
   548  r3 = r10
   549  r3 += -32
   550  r4 = 4
   551  call skb_load_bytes
   552  if r0 != 0 goto walk_no_ports
   553  r9 = 8
   554  r7 = 1
   555  goto substitute
other_protocol:
   556  if r9 != 17 goto other_protocol
   557  r2 = r8
   558  r1 = r6
   559  r3 = r10
   560  r3 += -32
   561  r4 = 4
   562  call skb_load_bytes
   563  if r0 != 0 goto walk_no_ports
   564  r9 = 9
   565  r7 = 1
   566  goto substitute
other_protocol:
walk_no_ports:
   567  r9 = 7
   568  r7 = 0
substitute:
   569  r2 = *(u64 *)(r10 -88)
   570  r1 = *(u32 *)(r6 +0)
   571  if r2 == r1 goto source_kept
   572  r1 = r6
   573  r3 = r10
   574  r3 += -64
   575  r4 = 16
   576  call skb_load_bytes
source_kept:
   577  r2 = *(u64 *)(r10 -96)
   578  r1 = *(u32 *)(r6 +0)
   579  if r2 == r1 goto destination_kept
   580  r1 = r6
   581  r3 = r10
   582  r3 += -48
   583  r4 = 16
   584  call skb_load_bytes
destination_kept:
   585  if r7 != 0 goto ipv6_hash_ports
   586  r0 = 0
   587  goto ipv6_hash_addresses
walk_routing:
   588  r2 = *(u64 *)(r10 -96)
   589  r1 = *(u32 *)(r6 +0)
   590  if r2 != r1 goto walk_advance
        ; length 2, type 2, 1 segment left
   591  r2 = *(u32 *)(r10 -76)
   592  r2 >>= 8
   593  if r2 != 0x10202 goto walk_advance
   594  r2 = r8
   595  r2 += 24
   596  if r2 > r1 goto walk_advance
   597  r2 -= 16
   598  *(u64 *)(r10 -96) = r2
   599  goto walk_advance
walk_destination:
   600  r2 = *(u64 *)(r10 -88)
   601  r1 = *(u32 *)(r6 +0)
   602  if r2 != r1 goto walk_advance
   603  *(u64 *)(r10 -104) = r8
        ; the options end where the header does, or the packet
   604  r2 = *(u8 *)(r10 -75)
   605  r2 += 1
   606  r2 <<= 3
   607  r2 += r8
   608  if r1 > r2 goto options_whole
   609  r2 = r1
options_whole:
   610  *(u64 *)(r10 -112) = r2
   611  r8 += 2
   612  r9 = 30
option:
   613  r1 = *(u64 *)(r10 -112)
   614  if r8 >= r1 goto options_end
        ; zeros, a Pad1, if the packet ends behind the first byte
   615  r2 = r8
   616  r1 = r6
   617  r3 = r10
   618  r3 += -80
   619  r4 = 2
   620  call skb_load_bytes
   621  r1 = *(u16 *)(r10 -80)
   622  if r1 == 0x10c9 goto option_found
        ; 1 byte of Pad1, which is 0; 2 bytes and the length of any other
   623  r2 = *(u8 *)(r10 -80)
   624  r3 = 0
   625  r3 -= r2
   626  r3 >>= 63
   627  r1 >>= 8
   628  r1 += 1
   629  r1 *= r3
   630  r8 += r1
   631  r8 += 1
   632  r9 -= 1
   633  if r9 != 0 goto option
   634  goto options_end
option_found:
   635  r8 += 18
   636  r1 = *(u64 *)(r10 -112)
   637  if r8 > r1 goto options_end
   638  r8 -= 16
   639  *(u64 *)(r10 -88) = r8
options_end:
   640  r8 = *(u64 *)(r10 -104)
   641  r9 = 60
   642  goto walk_advance
ipv6_hash_ports:
        ; symmetric-or-xor of 2 bytes
   643  r1 = *(u16 *)(r10 -32)
   644  r2 = *(u16 *)(r10 -30)
   645  r3 = r1
   646  r1 |= r2
   647  r2 ^= r3
   648  *(u16 *)(r10 -32) = r1
   649  *(u16 *)(r10 -30) = r2
   650  r0 = 0
        ; hash input bytes 32 to 35
   651  r1 = .rodata +32768 ll
   653  r2 = *(u8 *)(r10 -32)
   654  r2 <<= 2
   655  r2 += r1
   656  r2 = *(u32 *)(r2 +0)
   657  r0 ^= r2
   658  r2 = *(u8 *)(r10 -31)
   659  r2 <<= 2
   660  r2 += r1
   661  r2 = *(u32 *)(r2 +1024)
   662  r0 ^= r2
   663  r2 = *(u8 *)(r10 -30)
   664  r2 <<= 2
   665  r2 += r1
   666  r2 = *(u32 *)(r2 +2048)
   667  r0 ^= r2
   668  r2 = *(u8 *)(r10 -29)
   669  r2 <<= 2
   670  r2 += r1
   671  r2 = *(u32 *)(r2 +3072)
   672  r0 ^= r2
ipv6_hash_addresses:
        ; symmetric-or-xor of 16 bytes
   673  r1 = *(u16 *)(r10 -64)
   674  r2 = *(u16 *)(r10 -48)
   675  r3 = r1
   676  r1 |= r2
   677  r2 ^= r3
   678  *(u16 *)(r10 -64) = r1
   679  *(u16 *)(r10 -48) = r2
   680  r1 = *(u16 *)(r10 -62)
   681  r2 = *(u16 *)(r10 -46)
   682  r3 = r1
   683  r1 |= r2
   684  r2 ^= r3
   685  *(u16 *)(r10 -62) = r1
   686  *(u16 *)(r10 -46) = r2
   687  r1 = *(u16 *)(r10 -60)
   688  r2 = *(u16 *)(r10 -44)
   689  r3 = r1
   690  r1 |= r2
   691  r2 ^= r3
   692  *(u16 *)(r10 -60) = r1
   693  *(u16 *)(r10 -44) = r2
   694  r1 = *(u16 *)(r10 -58)
   695  r2 = *(u16 *)(r10 -42)
   696  r3 = r1
   697  r1 |= r2
   698  r2 ^= r3
   699  *(u16 *)(r10 -58) = r1
   700  *(u16 *)(r10 -42) = r2
   701  r1 = *(u16 *)(r10 -56)
   702  r2 = *(u16 *)(r10 -40)
   703  r3 = r1
   704  r1 |= r2
   705  r2 ^= r3
   706  *(u16 *)(r10 -56) = r1
   707  *(u16 *)(r10 -40) = r2
   708  r1 = *(u16 *)(r10 -54)
   709  r2 = *(u16 *)(r10 -38)
   710  r3 = r1
   711  r1 |= r2
   712  r2 ^= r3
   713  *(u16 *)(r10 -54) = r1
   714  *(u16 *)(r10 -38) = r2
   715  r1 = *(u16 *)(r10 -52)
   716  r2 = *(u16 *)(r10 -36)
   717  r3 = r1
   718  r1 |= r2
   719  r2 ^= r3
   720  *(u16 *)(r10 -52) = r1
   721  *(u16 *)(r10 -36) = r2
   722  r1 = *(u16 *)(r10 -50)
   723  r2 = *(u16 *)(r10 -34)
   724  r3 = r1
   725  r1 |= r2
   726  r2 ^= r3
   727  *(u16 *)(r10 -50) = r1
   728  *(u16 *)(r10 -34) = r2
        ; hash input bytes 0 to 31
   729  r1 = .rodata +0 ll
   731  r2 = *(u8 *)(r10 -64)
   732  r2 <<= 2
   733  r2 += r1
   734  r2 = *(u32 *)(r2 +0)
   735  r0 ^= r2
   736  r2 = *(u8 *)(r10 -63)
   737  r2 <<= 2
   738  r2 += r1
   739  r2 = *(u32 *)(r2 +1024)
   740  r0 ^= r2
   741  r2 = *(u8 *)(r10 -62)
   742  r2 <<= 2
   743  r2 += r1
   744  r2 = *(u32 *)(r2 +2048)
   745  r0 ^= r2
   746  r2 = *(u8 *)(r10 -61)
   747  r2 <<= 2
   748  r2 += r1
   749  r2 = *(u32 *)(r2 +3072)
   750  r0 ^= r2
   751  r2 = *(u8 *)(r10 -60)
   752  r2 <<= 2
   753  r2 += r1
   754  r2 = *(u32 *)(r2 +4096)
   755  r0 ^= r2
   756  r2 = *(u8 *)(r10 -59)
   757  r2 <<= 2
   758  r2 += r1
   759  r2 = *(u32 *)(r2 +5120)
   760  r0 ^= r2
   761  r2 = *(u8 *)(r10 -58)
   762  r2 <<= 2
   763  r2 += r1
   764  r2 = *(u32 *)(r2 +6144)
   765  r0 ^= r2
   766  r2 = *(u8 *)(r10 -57)
   767  r2 <<= 2
   768  r2 += r1
   769  r2 = *(u32 *)(r2 +7168)
   770  r0 ^= r2
   771  r2 = *(u8 *)(r10 -56)
   772  r2 <<= 2
   773  r2 += r1
   774  r2 = *(u32 *)(r2 +8192)
   775  r0 ^= r2
   776  r2 = *(u8 *)(r10 -55)
   777  r2 <<= 2
   778  r2 += r1
   779  r2 = *(u32 *)(r2 +9216)
   780  r0 ^= r2
   781  r2 = *(u8 *)(r10 -54)
   782  r2 <<= 2
   783  r2 += r1
   784  r2 = *(u32 *)(r2 +10240)
   785  r0 ^= r2
   786  r2 = *(u8 *)(r10 -53)
   787  r2 <<= 2
   788  r2 += r1
   789  r2 = *(u32 *)(r2 +11264)
   790  r0 ^= r2
   791  r2 = *(u8 *)(r10 -52)
   792  r2 <<= 2
   793  r2 += r1
   794  r2 = *(u32 *)(r2 +12288)
   795  r0 ^= r2
   796  r2 = *(u8 *)(r10 -51)
   797  r2 <<= 2
   798  r2 += r1
   799  r2 = *(u32 *)(r2 +13312)
   800  r0 ^= r2
   801  r2 = *(u8 *)(r10 -50)
   802  r2 <<= 2
   803  r2 += r1
   804  r2 = *(u32 *)(r2 +14336)
   805  r0 ^= r2
   806  r2 = *(u8 *)(r10 -49)
   807  r2 <<= 2
   808  r2 += r1
   809  r2 = *(u32 *)(r2 +15360)
   810  r0 ^= r2
   811  r2 = *(u8 *)(r10 -48)
   812  r2 <<= 2
   813  r2 += r1
   814  r2 = *(u32 *)(r2 +16384)
   815  r0 ^= r2
   816  r2 = *(u8 *)(r10 -47)
   817  r2 <<= 2
   818  r2 += r1
   819  r2 = *(u32 *)(r2 +17408)
   820  r0 ^= r2
   821  r2 = *(u8 *)(r10 -46)
   822  r2 <<= 2
   823  r2 += r1
   824  r2 = *(u32 *)(r2 +18432)
   825  r0 ^= r2
   826  r2 = *(u8 *)(r10 -45)
   827  r2 <<= 2
   828  r2 += r1
   829  r2 = *(u32 *)(r2 +19456)
   830  r0 ^= r2
   831  r2 = *(u8 *)(r10 -44)
   832  r2 <<= 2
   833  r2 += r1
   834  r2 = *(u32 *)(r2 +20480)
   835  r0 ^= r2
   836  r2 = *(u8 *)(r10 -43)
   837  r2 <<= 2
   838  r2 += r1
   839  r2 = *(u32 *)(r2 +21504)
   840  r0 ^= r2
   841  r2 = *(u8 *)(r10 -42)
   842  r2 <<= 2
   843  r2 += r1
   844  r2 = *(u32 *)(r2 +22528)
   845  r0 ^= r2
   846  r2 = *(u8 *)(r10 -41)
   847  r2 <<= 2
   848  r2 += r1
   849  r2 = *(u32 *)(r2 +23552)
   850  r0 ^= r2
   851  r2 = *(u8 *)(r10 -40)
   852  r2 <<= 2
   853  r2 += r1
   854  r2 = *(u32 *)(r2 +24576)
   855  r0 ^= r2
   856  r2 = *(u8 *)(r10 -39)
   857  r2 <<= 2
   858  r2 += r1
   859  r2 = *(u32 *)(r2 +25600)
   860  r0 ^= r2
   861  r2 = *(u8 *)(r10 -38)
   862  r2 <<= 2
   863  r2 += r1
   864  r2 = *(u32 *)(r2 +26624)
   865  r0 ^= r2
   866  r2 = *(u8 *)(r10 -37)
   867  r2 <<= 2
   868  r2 += r1
   869  r2 = *(u32 *)(r2 +27648)
   870  r0 ^= r2
   871  r2 = *(u8 *)(r10 -36)
   872  r2 <<= 2
   873  r2 += r1
   874  r2 = *(u32 *)(r2 +28672)
   875  r0 ^= r2
   876  r2 = *(u8 *)(r10 -35)
   877  r2 <<= 2
   878  r2 += r1
   879  r2 = *(u32 *)(r2 +29696)
   880  r0 ^= r2
   881  r2 = *(u8 *)(r10 -34)
   882  r2 <<= 2
   883  r2 += r1
   884  r2 = *(u32 *)(r2 +30720)
   885  r0 ^= r2
   886  r2 = *(u8 *)(r10 -33)
   887  r2 <<= 2
   888  r2 += r1
   889  r2 = *(u32 *)(r2 +31744)
   890  r0 ^= r2
   891  goto table
inner_ethernet:
        ; EtherType, and those behind two VLAN tags
   892  r9 += 12
   893  r2 = r9
   894  r1 = r6
   895  r3 = r10
   896  r3 += -152
   897  r4 = 10
   898  call skb_load_bytes
   899  if r0 != 0 goto unclassified
   900  r9 += 2
   901  r1 = *(u16 *)(r10 -152)
   902  if r1 == 8 goto inner_ipv4
   903  if r1 == 0xdd86 goto inner_ipv6
   904  if r1 == 129 goto inner_vlan_tag
   905  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   906  r9 += 4
   907  r1 = *(u16 *)(r10 -148)
   908  if r1 == 8 goto inner_ipv4
   909  if r1 == 0xdd86 goto inner_ipv6
   910  if r1 == 129 goto inner_vlan_tag
   911  if r1 != 0xa888 goto unclassified
inner_vlan_tag:
   912  r9 += 4
   913  r1 = *(u16 *)(r10 -144)
   914  if r1 == 8 goto inner_ipv4
   915  if r1 == 0xdd86 goto inner_ipv6
   916  goto unclassified
inner_ipv4:
   917  r1 = 4
   918  *(u64 *)(r10 -136) = r1
   919  goto inner_window
inner_ipv6:
   920  r1 = 6
   921  *(u64 *)(r10 -136) = r1
inner_window:
        ; the inner IP header is at r9: what is left of the packet from there on
   922  r8 = r9
   923  r8 -= 0
   924  r7 = *(u32 *)(r6 +0)
   925  r7 -= r8
   926  goto window
table:
        ; the entry of the indirection table that the hash's low bits name
   927  r1 = r0
   928  r1 &= 127
   929  r1 <<= 1
   930  r2 = .data +80 ll
   932  r2 += r1
   933  r7 = *(u16 *)(r2 +0)
   934  r8 = r0
   935  goto emit
unclassified:
   936  r7 = 0
   937  r8 = 0
   938  r9 = 0
emit:
   939  *(u32 *)(r6 +12) = r7
        ; becomes tc_index when the program returns OK
   940  r1 = 0x7255
   941  *(u32 *)(r6 +72) = r1
   942  r1 = r6
   943  r2 = 8
   944  r3 = 0
   945  call skb_change_head
   946  if r0 != 0 goto drop
   947  r1 = *(u32 *)(r6 +76)
   948  r2 = *(u32 *)(r6 +80)
   949  r3 = r1
   950  r3 += 8
   951  if r3 > r2 goto drop
   952  *(u32 *)(r1 +0) = r8
   953  *(u16 *)(r1 +4) = r9
   954  *(u16 *)(r1 +6) = -1
   955  r0 = 0
   956  exit
drop:
   957  r0 = 2
   958  exit

; tunrss_queue (SOCKET_FILTER), 9 instructions
     0  r2 = *(u32 *)(r1 +44)
     1  if r2 != 0x7255 goto queue_not_noted
     2  r0 = *(u32 *)(r1 +12)
     3  exit
queue_not_noted:
     4  if r2 == 0x7256 goto queue_last
     5  r0 = *(u32 *)(r1 +68)
     6  exit
queue_last:
     7  r0 = 0xffff
     8  exit

; tunrss_filter (SOCKET_FILTER), 13 instructions
     0  r2 = *(u32 *)(r1 +44)
        ; any token
     1  r2 &= -4
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
