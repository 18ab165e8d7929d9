"""DNS: names, record data, messages, and the pairing of questions with their answers.

Modules are cut by kind of knowledge: :mod:`names` (wire names), :mod:`registry` (IANA words), :mod:`rdata`
(record data as text), :mod:`messages` (one message), :mod:`framing` (messages in a TCP stream), :mod:`session`
(questions and answers become rows).
"""
