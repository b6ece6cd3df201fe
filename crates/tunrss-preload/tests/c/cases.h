/*
 * The cases that both generations have to pass, and what they share.
 */
#ifndef CASES_H
#define CASES_H

#include <stdint.h>

#include "generations.h"
#include "net.h"
#include "packets.h"

/* More than the longest case needs by far. */
enum { CASE_SECONDS = 60 };

/* Runs the case that the arguments name, or lists the names. Returns the exit status. */
int run_case(int argc, char **argv, const struct generation *generation);

/* RSS with report, all types, the Microsoft key; the unclassified queue is 2. */
struct config full_config(void);
/* The same kind of configuration with another table, key and unclassified queue. */
struct config second_config(void);
/* The kernel's own steering with report. */
struct config report_config(uint32_t types);

/* Checks queue, header and payload of a record against what the configuration says. */
void check_record(const struct device *device, const struct config *config, const struct packet *packet,
		  const struct record *record);
/* The same for a packet whose offload fields are not zero. They count from the Ethernet header. */
void check_unfinished_record(const struct device *device, const struct config *config, const struct packet *packet,
			     const struct virtio_net_hdr *offload, const struct record *record);
/* Sends the packet, reads it and checks it, and that no other one arrived. */
void check_packet(const struct device *device, const struct config *config, const struct packet *packet);
/* check_packet for one packet of each kind. */
void check_kinds(const struct device *device, const struct config *config);
/* check_packet for another kind each time, where nine packets would take long. */
void check_next_kind(const struct device *device, const struct config *config);
/* The kernel's own steering is in force: it spreads flows and learns from what is written. */
void check_automatic(const struct device *device, const struct config *config);
/* A packet that full_config sends to this queue, of the first four. */
void build_for_queue(struct packet *packet, unsigned queue, uint32_t mark);
/* Builds a record that can be written. Returns its size. */
size_t build_record(const struct device *device, const struct packet *packet, uint8_t *record);

/* Memory of this size that ends where nothing can be read or written. */
uint8_t *before_hole(size_t size);
/* An address that is never mapped. */
void *unmapped(void);

/* fork, with a time limit for the child. */
int fork_child(void);
/* Waits for the child, which must end with status 0. */
void expect_child(int child);

/* cases_errors.c */
void case_capability(const struct generation *generation);
void case_errno_unattached(const struct generation *generation);
void case_errno_pointers(const struct generation *generation);
void case_errno_steering(const struct generation *generation);
void case_filter(const struct generation *generation);
void case_program_and_rss(const struct generation *generation);
void case_errno_memory(const struct generation *generation);

/* cases_steering.c */
void case_types_tap(const struct generation *generation);
void case_types_tun(const struct generation *generation);
void case_vectors_tap(const struct generation *generation);
void case_vectors_tun(const struct generation *generation);
void case_late_queues(const struct generation *generation);
void case_unclassified(const struct generation *generation);
void case_masks(const struct generation *generation);
void case_key_lengths(const struct generation *generation);
void case_report_only(const struct generation *generation);
void case_rss_only(const struct generation *generation);
void case_off(const struct generation *generation);
void case_replaced(const struct generation *generation);
void case_recreated(const struct generation *generation);

/* cases_records.c */
void case_header_size(const struct generation *generation);
void case_offloads_tap(const struct generation *generation);
void case_offloads_tun(const struct generation *generation);
void case_packet_information_tap(const struct generation *generation);
void case_packet_information_tun(const struct generation *generation);
void case_readv(const struct generation *generation);
void case_parts_anywhere(const struct generation *generation);
void case_short_reads(const struct generation *generation);
void case_write(const struct generation *generation);

/* cases_descriptors.c */
void case_descriptors(const struct generation *generation);
void case_reused_numbers(const struct generation *generation);
void case_numbers_closed_unseen(const struct generation *generation);
void case_detached_queue(const struct generation *generation);

/* cases_processes.c */
void case_fork(const struct generation *generation);
void case_vfork(const struct generation *generation);
void case_exec(const struct generation *generation);
/* The other side of case_exec, in the new program image. */
int run_inherited(const struct generation *generation, const char *device);

/* cases_others.c */
void case_errno_kept(const struct generation *generation);
void case_locked_memory(const struct generation *generation);

/* cases_macvtap.c */
void case_macvtap(const struct generation *generation);
void case_macvtap_changes(const struct generation *generation);
void case_macvtap_deleted(const struct generation *generation);

#endif
