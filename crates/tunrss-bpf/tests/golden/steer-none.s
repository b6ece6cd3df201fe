; at most 20 instructions
; .rodata 0 bytes: Toeplitz words, 256 for each input byte
; .data 379 bytes: configuration; the indirection table from byte 80

; tunrss_steer (SOCKET_FILTER), 17 instructions
     0  r6 = r1
        ; hash types: none
     1  r1 = *(u32 *)(r6 +44)
     2  if r1 != 0 goto marked
unmarked:
        ; keeps the configuration with the program
     3  r1 = .data +80 ll
     5  r0 = 0
     6  exit
marked:
     7  if r1 == 0x7255 goto queue_noted
     8  if r1 == 0x7254 goto queue_not_noted
     9  if r1 == 0x7256 goto queue_last
    10  goto unmarked
queue_last:
    11  r0 = 0xffff
    12  exit
queue_noted:
    13  r0 = *(u32 *)(r6 +12)
    14  exit
queue_not_noted:
    15  r0 = *(u32 *)(r6 +68)
    16  exit
