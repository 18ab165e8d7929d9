"""The lab that makes the samples: namespaces, a forwarder with a script, servers, clients and a recorder.

Everything happens inside network namespaces whose names start with :data:`lab.net.PREFIX`; no packet leaves them.
"""
