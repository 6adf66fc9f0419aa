"""What pip really prints in the cases that matter (shortened, as seen with pip 23.0 and 26.3)."""

NO_NETWORK = """\
WARNING: Retrying (Retry(total=1, connect=None, read=None, redirect=None, status=None)) after connection \
broken by \
'NewConnectionError('<HTTPSConnection object>: Failed to establish a new connection: [Errno -3] \
Temporary failure in name resolution')': /simple/annotated-types/
ERROR: Could not find a version that satisfies the requirement annotated-types==0.8.0 (from versions: none)
ERROR: No matching distribution found for annotated-types==0.8.0
"""
COMPANY_PROXY = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: \
CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain'))'
Could not fetch URL https://127.0.0.1/simple/babel/: There was a problem confirming the ssl certificate: \
- skipping
ERROR: Could not find a version that satisfies the requirement babel==2.18.0 (from versions: none)
ERROR: No matching distribution found for babel==2.18.0
"""
WRONG_HASH = """\
Collecting babel==2.18.0
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package \
versions, please update the hashes. Otherwise, examine the package contents carefully; someone may have \
tampered \
with them.
    babel==2.18.0 from file:///x/babel-2.18.0-py3-none-any.whl:
        Expected sha256 aaaa
             Got        bbbb
"""
DISK_FULL = """\
Installing collected packages: shiboken6, pyside6-essentials
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
"""
NO_WHEEL = """\
ERROR: Could not find a version that satisfies the requirement pyside6-essentials==6.12.0 (from versions: \
6.0.0, 6.1.0)
ERROR: No matching distribution found for pyside6-essentials==6.12.0
"""
PROXY_PASSWORD = """\
WARNING: Retrying (Retry(total=1)) after connection broken by 'ProxyError('Cannot connect to proxy.', \
OSError('Tunnel connection failed: 407 Proxy Authentication Required'))': /simple/anyio/
ERROR: No matching distribution found for anyio==4.16.0
"""
