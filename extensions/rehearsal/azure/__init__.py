# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault and ARM stand-in: one process that answers as Azure Resource Manager, its token service and Site Recovery.

It shares no code with the collection's plugins: it is a second, independent reading of the protocol. Facts carry their
source in docstrings: SEEN (in a recording of the real service), SPEC (published API description), DOC (Microsoft's
documentation), INFER (our conclusion, never observed).
"""
