"""sutja (숫자, "digit"): spoken digits, or any small vocabulary that you record.

>>> import sutja
>>> sutja.__version__
'0.1.0'
"""

__version__ = "0.1.0"
