local Shapes = {}

function Shapes.area(width, height)
  return width * height
end

return Shapes
