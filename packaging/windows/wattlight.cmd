@"%~dp0..\wattlight-cli.exe" %*
