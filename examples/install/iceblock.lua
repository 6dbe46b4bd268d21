-- Lmod module file. Change `root` to the environment into which iceblock was installed.
local root = "/opt/iceblock"
help("iceblock: removes noise from single cryo-EM particle images")
whatis("Name: iceblock")
prepend_path("PATH", pathJoin(root, "bin"))
