"""Row of the ``tcp`` table: one connection. Column meanings: MEASURES in docs/measures.md."""

from __future__ import annotations

from dataclasses import dataclass


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
    application: str
    client_mac: str | None
    server_mac: str | None
    handshake: str  # complete | no_synack | refused | no_final_ack | midstream | simultaneous | split
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
