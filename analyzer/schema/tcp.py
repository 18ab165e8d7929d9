"""Row of the ``tcp`` table: one connection. Column meanings: MEASURES in docs/measures.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TcpOpinion:
    """A second opinion on a segment that Wireshark labels, where the evidence says something else."""

    frame: int
    from_: str  # client | server
    label: str  # Wireshark's: retransmission | fast_retransmission | spurious_retransmission | out_of_order
    verdict: str  # needed | needless | reordered | captured_twice | doubled
    evidence: str  # dsack | sack | ip_id | timestamp | acknowledged | same_packet | alike
    evidence_frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TcpConflict:
    """Bytes that were sent twice with different contents; the first capture is the one that counts."""

    frame: int  # carries the bytes that differ
    first_frame: int  # carried them first
    from_: str  # client | server
    position: int  # of the first byte that differs, counted from the side's first data byte
    bytes: int  # how many differ


@dataclass(frozen=True, slots=True)
class TcpRow:
    """One TCP connection, drawn from the columns of :class:`analyzer.flows.model.Connections`."""

    stream: int
    client: str
    client_port: int
    server: str
    server_port: int
    client_by: str  # syn | synack | port | first_packet
    first_frame: int
    last_frame: int
    start_time: int
    duration_ms: float
    application: str  # http1 | websocket (what HTTP switched to) | http2 | tls | dns | ssh | … | unknown
    client_mac: str | None
    server_mac: str | None
    handshake: str  # complete | no_synack | refused | no_final_ack | midstream | simultaneous | split
    handshake_why: str | None  # refused | unreachable | filtered | one_sided | capture_end: why nobody agreed
    unreachable_frame: int | None  # the ICMP error that quotes this connection
    syn_frame: int | None
    syn_frames: tuple[int, ...]
    synack_frame: int | None
    synack_frames: tuple[int, ...]
    ack_frame: int | None
    connect_ms: float | None
    syn_loss_ms: float | None
    initial_rtt_ms: float | None
    server_leg_ms: float | None
    client_leg_ms: float | None
    client_isn: int | None
    server_isn: int | None
    client_mss: int | None
    server_mss: int | None
    client_window_scale: int | None
    server_window_scale: int | None
    sack_permitted: bool | None
    timestamps: bool | None
    fast_open: bool | None
    ecn: bool | None
    accurate_ecn: bool | None
    multipath: bool | None
    close: str  # four_way | three_way | simultaneous | half_closed | reset | none
    closed_by: str | None  # client | server | both
    close_ms: float | None
    client_fin_frame: int | None
    client_fin_acked_frame: int | None
    server_fin_frame: int | None
    server_fin_acked_frame: int | None
    rst_frame: int | None
    rst_by: str | None  # client | server
    client_state: str
    server_state: str
    deviations: tuple[str, ...]  # codes of analyzer.tcp_words.DEVIATIONS, in the order they are listed there
    conn_state: str
    history: str
    completeness: int
    client_packets: int
    server_packets: int
    client_bytes: int
    server_bytes: int
    client_unique_bytes: int
    server_unique_bytes: int
    client_missing_bytes: int
    server_missing_bytes: int
    client_conflicting_bytes: int
    server_conflicting_bytes: int
    client_retransmissions: int
    server_retransmissions: int
    client_fast_retransmissions: int
    server_fast_retransmissions: int
    client_spurious_retransmissions: int
    server_spurious_retransmissions: int
    client_out_of_order: int
    server_out_of_order: int
    client_lost_segments: int
    server_lost_segments: int
    client_duplicate_acks: int
    server_duplicate_acks: int
    client_acked_unseen: int
    server_acked_unseen: int
    client_zero_windows: int
    server_zero_windows: int
    client_window_full: int
    server_window_full: int
    client_keep_alives: int
    server_keep_alives: int
    client_duplicates_in_capture: int
    server_duplicates_in_capture: int
    client_doubled: int
    server_doubled: int
    client_sent_again: int  # as far as the second opinion can tell; the labels above are Wireshark's
    server_sent_again: int
    client_resent_needed: int
    server_resent_needed: int
    client_resent_needless: int
    server_resent_needless: int
    client_reordered: int
    server_reordered: int
    opinions: tuple[TcpOpinion, ...]
    conflicts: tuple[TcpConflict, ...]
    client_rtt_samples: int
    server_rtt_samples: int
    client_rtt_min_ms: float | None
    server_rtt_min_ms: float | None
    client_rtt_p50_ms: float | None
    server_rtt_p50_ms: float | None
    client_rtt_p95_ms: float | None
    server_rtt_p95_ms: float | None
    client_max_in_flight_bytes: int | None
    server_max_in_flight_bytes: int | None
    client_transfer_ms: float | None
    server_transfer_ms: float | None
    client_receiver_limited_ms: float | None
    server_receiver_limited_ms: float | None
    client_sender_limited_ms: float | None
    server_sender_limited_ms: float | None
    client_network_limited_ms: float | None
    server_network_limited_ms: float | None
    client_throughput_bytes: float | None  # distinct payload bytes per second of transfer
    server_throughput_bytes: float | None
    client_loss_episodes: int
    server_loss_episodes: int
    client_loss_ms: float | None
    server_loss_ms: float | None
