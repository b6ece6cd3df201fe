; at most 10 instructions
; .rodata 0 bytes: Toeplitz words, 256 for each input byte
; .data 331 bytes: configuration; the indirection table from byte 32

; tunrss_steer (SOCKET_FILTER), 5 instructions
     0  r6 = r1
        ; hash types: none
        ; keeps the configuration with the program
     1  r1 = .data +32 ll
     3  r0 = 0
     4  exit
