"""DNS: names, record data, messages, and the pairing of questions with their answers.

Modules are cut by kind of knowledge: :mod:`names` (wire names), :mod:`registry` (IANA words), :mod:`rdata`
(record data as text), :mod:`messages` (one message), :mod:`framing` (messages in a TCP stream), :mod:`session`
(questions and answers become rows).

Most lookups are plain and stay columns: :mod:`strings` (byte strings as columns), :mod:`records` (records of many
messages), :mod:`plain` (plain lookups), :mod:`assemble` (columns and rows become one table), :mod:`outline` and
:mod:`together` (what shows when lookups are compared), :mod:`table` (the table; its rows are made when asked for).
"""
