@echo off
rem Enrolls this host, called by the installer where ENROLL=1 was given. The installer wrote the properties into enroll.ini,
rem lines NAME=VALUE, in a directory of SYSTEM and the administrators. They become variables of this process, and the file
rem goes before anything else is done. What is said goes to enroll.log beside it: no secret is ever in it.
setlocal DisableDelayedExpansion
set "place=%~1"
for /f "usebackq eol=[ delims=" %%L in ("%place%enroll.ini") do set "%%L"
del /q "%place%enroll.ini"
"%~dp0agent-enroll.exe" enroll %ENROLL_OPTIONS% >"%place%enroll.log" 2>&1
exit /b %ERRORLEVEL%
